"""A sentence is enough to tell a major language; code and numbers are of none."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from dataalchemy_pipelines.transforms.language import LanguageSettings, identify

SEGMENTS = Path(__file__).parents[4] / "shared" / "data" / "langid" / "segments.jsonl"
MAJOR = {
    "eng": "en", "deu": "de", "fra": "fr", "spa": "es", "por": "pt", "ita": "it", "nld": "nl", "swe": "sv", "fin": "fi",
    "pol": "pl", "ces": "cs", "hun": "hu", "ron": "ro", "tur": "tr", "ind": "id", "vie": "vi", "rus": "ru", "ukr": "uk",
    "arb": "ar", "pes": "fa", "heb": "he", "ell": "el", "hin": "hi", "kor": "ko", "jpn": "ja", "cmn": "zh", "bul": "bg",
}  # fmt: skip


def tell(*texts: str | None) -> list[str]:
    return identify(pl.Series(texts, dtype=pl.String), LanguageSettings()).to_list()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Please restart the service after the update and check the logs.", "en"),
        ("Bitte starten Sie den Dienst nach dem Update neu und prüfen Sie die Protokolle.", "de"),
        ("Veuillez redémarrer le service après la mise à jour et vérifier les journaux.", "fr"),
        ("Por favor, reinicie el servicio después de la actualización y revise los registros.", "es"),
        ("Per favore riavvia il servizio dopo l'aggiornamento e controlla i registri della macchina.", "it"),
        ("Start de service opnieuw na de update en controleer het logboek van het systeem.", "nl"),
        ("После обновления перезапустите сервис и проверьте журналы на ошибки.", "ru"),
        ("Після оновлення перезапустіть сервіс і перевірте журнали на помилки, щоб їх не було.", "uk"),
        ("更新后请重启服务并检查日志", "zh"),
        ("更新後にサービスを再起動してください", "ja"),
        ("업데이트 후 서비스를 다시 시작하십시오", "ko"),
        ("أعد تشغيل الخدمة بعد التحديث وتحقق من السجلات", "ar"),
    ],
)
def test_a_sentence_tells_its_language(text: str, wanted: str) -> None:
    assert tell(text) == [wanted]


def test_numbers_code_and_nothing_are_of_no_language() -> None:
    assert tell("12 34 56", "x = y[0]; z++", "", None) == ["und"] * 4


def test_a_row_does_not_depend_on_its_batch() -> None:
    texts = ["der Dienst und die Logs", "", "the service and the logs", "служба и журналы на"]
    assert tell(*texts) == [tell(text)[0] for text in texts]


@pytest.mark.skipif(not SEGMENTS.is_file(), reason="the labelled set is not here")
def test_short_segments_of_major_languages_are_told() -> None:
    rows = [row for row in map(json.loads, SEGMENTS.read_text().splitlines()) if row["lang"] in MAJOR]
    told = tell(*(row["text"] for row in rows))
    assert sum(MAJOR[row["lang"]] == code for row, code in zip(rows, told, strict=True)) / len(rows) >= 0.93
