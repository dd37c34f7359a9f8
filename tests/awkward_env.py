"""`.env` files as people write them, and what of each enters the cluster's Secret."""

from __future__ import annotations

from resources.cluster_secret import KEYS

ID, SECRET, KV, PG, HOOK = KEYS
AWKWARD: dict[str, tuple[str, dict[str, str]]] = {
    "single quotes": (f"{ID}='geheim a'\n{SECRET}='geheim#b'\n", {ID: "geheim a", SECRET: "geheim#b"}),
    "double quotes": (f'{ID}="geheim # a" # told\n{SECRET}="geheim\\"b"\n', {ID: "geheim # a", SECRET: 'geheim"b'}),
    "export": (f"export {ID}=geheim1\n  export   {SECRET}='geheim2'\n", {ID: "geheim1", SECRET: "geheim2"}),
    "CRLF": (f'{ID}=geheim1\r\n{SECRET}="geheim2"\r\n', {ID: "geheim1", SECRET: "geheim2"}),
    "equals signs": (f"{ID}=geheim==\n{SECRET}=a=geheim=b\n", {ID: "geheim==", SECRET: "a=geheim=b"}),
    "comments": (f"# {ID}=no\n{ID}=geheim # yes\n#{SECRET}=no\n{KV}=geheim#2\n", {ID: "geheim", KV: "geheim#2"}),
    "byte order mark": (f"\ufeff{ID}=geheim1\n{SECRET}=geheim2\n", {ID: "geheim1", SECRET: "geheim2"}),
    "spaces around": (f"  {ID} = geheim1\n{SECRET}\t=\tgeheim2\n", {ID: "geheim1", SECRET: "geheim2"}),
    "empty": (f"{ID}=\n{SECRET}=''\n{KV}\n{PG}=geheim\n", {PG: "geheim"}),
    "unicode": (f"{ID}=geheim-Ünïcødé\n{SECRET}='geheim ☃ 鍵'\n", {ID: "geheim-Ünïcødé", SECRET: "geheim ☃ 鍵"}),
    "dollars and backticks": (
        f"{ID}=geheim$1`id`$(id)\n{SECRET}='geheim${{HOME}}$$'\n{KV}=geheim\\$HOME%PATH%!\n",
        {ID: "geheim$1`id`$(id)", SECRET: "geheim${HOME}$$", KV: "geheim\\$HOME%PATH%!"},
    ),
    "keys twice": (
        f"{ID}=geheim-old\n{SECRET}='geheim-old'\n{ID}=geheim1\n{SECRET}=geheim2\n",
        {ID: "geheim1", SECRET: "geheim2"},
    ),
    "trailing spaces": (f"{ID}=geheim1   \n{SECRET}='geheim2  '  \n", {ID: "geheim1", SECRET: "geheim2  "}),
    "several lines": (f'{ID}="geheim\nof two"\n{SECRET}="geheim\\nb"\n', {ID: "geheim\nof two", SECRET: "geheim\nb"}),
    "keys that stay here": (
        f"DAGSTER_HOME=/geheim/dagster\nDATAALCHEMY_DEPLOYMENT=docker\nFROM_{ID}=geheim-no\nMY_{ID}=geheim-no\n"
        f"{ID}_OLD=geheim-no\nPASSWORD=geheim-no\n{HOOK}=https://example.com/?geheim&a=b\n",
        {HOOK: "https://example.com/?geheim&a=b"},
    ),
    "tabs, blanks, no last line end": (
        f"\n\t\n{ID}\t=geheim1\n\n\t{SECRET}=geheim2",
        {ID: "geheim1", SECRET: "geheim2"},
    ),
}
