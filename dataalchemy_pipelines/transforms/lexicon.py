"""The small words of 40 languages and the scripts that belong to one language. Data only."""

from __future__ import annotations

FUNCTION_WORDS: dict[str, str] = {
    "en": (
        "the of and to in is that for it with as was on are be this by have from or had not but what all were "
        "when we there can an your which their if will each about how up out them then she many some so these "
        "would other has more her two him see no any our may you shall every without everyone its into been such "
        "should must"
    ),
    "de": (
        "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus "
        "er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber "
        "vor zur bis mehr durch man sein wurde sei jeder seine ihre ich wir ohne keine kann diese alle"
    ),
    "fr": (
        "de la le et les des en un du une que est pour qui dans par plus pas au sur ne se il ce ou son avec sont "
        "cette aux ses mais comme tout nous sa elle leur être deux même ces vous ont été sans toute je si leurs "
        "peut dont où fait tous droit personne c'est n'est qu'il d'une d'un l'homme à"
    ),
    "es": (
        "de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si "
        "sin sobre este ya entre cuando todo esta ser son dos también fue había era muy años hasta desde está mi "
        "porque qué sólo han yo hay vez puede todos así nos ni parte tiene él uno donde bien toda persona derecho"
    ),
    "pt": (
        "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à "
        "seu sua ou ser quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem "
        "mesmo aos ter seus quem nas me esse eles estão você tinha foram essa num nem suas toda pessoa direito "
        "são qualquer"
    ),
    "it": (
        "di e il la che in a un per è una sono non si da con come del le dei alla i lo della al nel anche più o "
        "ha gli ma delle se nella dal questo ad ogni suo sua loro essere ed dalla stato ai degli sul tra fra cui "
        "suoi quando tutti senza diritto individuo può deve perché questa sulla era su"
    ),
    "nl": (
        "de van een het en in is dat op te zijn met voor niet aan er die om als dan maar bij ook nog naar uit "
        "door over wordt werd tot hij was of heeft zich hebben deze worden ze kan meer geen al onder dit moet "
        "zijne haar zij men alle ieder iedere recht zonder hun ik je we wat"
    ),
    "sv": (
        "och i att det som en på är av för med den till inte om ett har de var jag från så kan men sin när man "
        "vid eller vi hade ut år efter upp alla skall ska sig under utan också där hur denna detta måste rätt "
        "envar sitt sina andra mycket genom"
    ),
    "da": (
        "og i at det er en til af på for med den de ikke der som et har om var jeg fra så kan men sin når man ved "
        "eller vi hun ud år efter op alle skal sig under uden også hvor denne dette må ret enhver sit sine andre "
        "meget blev være havde hvis mod været"
    ),
    "no": (
        "og i at det er en til av på for med den de ikke der som et har om var jeg fra så kan men sin når man ved "
        "eller vi hun ut år etter opp alle skal seg under uten også hvor denne dette må rett enhver sitt sine "
        "andre meget ble være hadde hvis mot vært eit ein ikkje"
    ),
    "fi": (
        "ja on ei että se oli hän mutta ovat kun niin myös tai ole joka mitä jos kuin hänen tämä sen minä olla en "
        "ne jokaisella kaikki ilman sekä siitä olisi mukaan voi vain sitä nyt vuonna jotka hänellä oikeus ihmisen "
        "tulee kaikkien jonka itse siinä"
    ),
    "pl": (
        "i w na z się do nie że jest to o od za jak po ale przez co lub dla czy jego tym są oraz jako być ich "
        "przy także który które która ma może jej było tak już tego tylko pod bez każdy człowiek prawo we ze ani "
        "żaden swoich wszystkich swego nikt"
    ),
    "cs": (
        "a v se na je že s z do to o k i jako by za po ale jeho od jsou nebo má který pro které která byl být při "
        "jak bylo také každý právo ve není svých před podle než jejich jej aby bez ať nikdo nesmí všechny mu své "
        "jež"
    ),
    "sk": (
        "a v sa na je že s z do to o k i ako by za po ale jeho od sú alebo má ktorý pre ktoré ktorá bol byť pri "
        "bolo tiež každý právo vo nie svojich pred podľa než ich aby bez nech nikto nesmie všetky mu svoje jej"
    ),
    "hu": (
        "a az és hogy nem is egy van ez volt de ha meg csak már vagy el mint minden azt még nincs ki jog joga "
        "személynek lehet által való kell után sem ezt amely illetve pedig között szerint senki annak valamint"
    ),
    "ro": (
        "și în de la a cu pe că este nu o un din pentru se care mai sau al ale sunt prin fost lui ca după dar au "
        "fi orice acest această are lor toate dreptul persoană fără să sa său fie între cel cele oricărei nici ei "
        "sale"
    ),
    "hr": (
        "i u je na se da za od su s a kao ili iz koji to ne ima po bi o sa koje svaki biti što pravo može nije mu "
        "njegove bez svatko do prema ni koja treba te kako ako svoje pri samo svih svoju nitko ljudskih"
    ),
    "sl": (
        "in v je na se da za so z ki ne pri po kot s ali do tudi bi ima od vsakdo pravico biti pa ni iz k svoje "
        "katere mora brez ter če njegove o ga lahko svojih nihče vse kakor"
    ),
    "tr": (
        "ve bir bu da de için ile olarak olan en çok daha gibi ne ya veya kadar her sonra var ise olduğu hakkı "
        "herkes göre ancak tarafından o değil mi şahsın hiç kimse şekilde haiz hakkına bütün karşı vardır olup "
        "hiçbir"
    ),
    "id": (
        "dan yang di untuk dengan dalam ini itu dari pada tidak adalah atau ke oleh setiap orang berhak akan atas "
        "sebagai juga karena telah tersebut dapat bahwa ada lain mereka serta secara sudah bisa saya kami tanpa "
        "maupun harus hak seperti"
    ),
    "ms": (
        "dan yang di untuk dengan dalam ini itu dari pada tidak adalah atau ke oleh setiap orang berhak akan atas "
        "sebagai juga kerana telah tersebut boleh bahawa ada lain mereka serta secara sudah saya kami tanpa "
        "mahupun harus hak hendaklah kepada mana-mana ialah"
    ),
    "vi": (
        "và của là có trong được cho không các với một người những đã khi về để này từ đều quyền mọi hay cũng "
        "phải ai bị trên hoặc vào do đến như theo ra nào sự việc tự con"
    ),
    "ca": (
        "de la i el que en a els les per un una amb es no del al dels és són com més o seva seu han ha aquest "
        "aquesta pel tota persona dret té als ser seus tots ni sense entre però qualsevol llur li"
    ),
    "gl": (
        "de a o que e do da en un para é con non unha os no se na por máis as dos como pero foi ao ten seu súa ou "
        "ser toda persoa dereito á das sen entre calquera nin polo pola teñen estes todos"
    ),
    "eu": (
        "eta da bat ez ere du izan dira dute zen baina edo den egin dago bere hori oso horren guztiek eskubidea "
        "gizabanako orok norbanakoak dituen beste guztiak duen batera izateko dela hau nahiz"
    ),
    "et": (
        "ja on ei see et oma ta kui ka oli mis või selle aga nende siis tema üks kõik igal õigus inimesel peab "
        "ning kes tuleb ilma iga olla tohi sest mitte kõigi nii vastu ega inimese"
    ),
    "lv": (
        "un ir ar no uz par kas ka tas vai kā tiek bet arī pie nav var līdz tā ikvienam cilvēkam tiesības tikai "
        "savu būt jebkura bez pēc to katram nevar viņa visiem katrs ne šīs lai"
    ),
    "lt": (
        "ir yra kad iš į su tai ar kaip bet jis buvo nuo už prie turi teisę kiekvienas žmogus arba jo būti visi "
        "negali savo ne per be visų tik jų dėl taip pat šių"
    ),
    "sq": (
        "dhe në të e i me një për që nga ka është si nuk më se do kjo ky duhet çdo njeri drejtën ose tij pa "
        "gjithë askush u njerëz gëzon tyre kundër ndaj së por mund"
    ),
    "af": (
        "die van en in is 'n dat te het nie vir met wat op aan sy word as om ook of deur elke reg mens alle enige "
        "geen sal ons hy daar hulle kan moet een so na haar"
    ),
    "sw": (
        "na ya wa kwa ni katika la za kuwa kila mtu ana haki yake cha au kama hii hiyo bila watu wote lazima "
        "ambayo yoyote huo pia nchi vya si yeye wake"
    ),
    "tl": (
        "ang ng sa mga at na ay may hindi ito para kung siya ni isang bawat tao karapatan o nang lahat kanyang "
        "niya dapat walang anumang pag kay"
    ),
    "cy": (
        "y yr a yn ac i o ar mae ei gan am bod fod neu hawl bawb i'r o'r a'r na ni sydd wedi eu heb pob gyda hyn "
        "nad fel dylai"
    ),
    "ga": (
        "an agus na ar i a is go ag do le tá sé ní gach duine ceart chun nó as bhfuil é sa aon nach sin leis den "
        "faoi óna daoine bheith atá dá"
    ),
    "is": (
        "og að í á er sem um til með fyrir hann ekki af það við eða en hver rétt skal maður þess hans þeirra eiga "
        "hvers né var frá þar án hún eru allir menn"
    ),
    "mt": (
        "u li ta il fil dritt għandu kull bniedem minn għal biex għandhom huwa jew ma tal hemm b'mod kollha mill "
        "dan jista dawn tiegħu persuna lil"
    ),
    "eo": (
        "la de kaj en al estas ke ne por kun el pri per unu tio kiel rajtas ĉiu havas rajton sia aŭ ĝi esti pli "
        "sed kiu devas homo iu ĉiuj kontraŭ"
    ),
    "la": (
        "et in est non ad ut cum qui quod ex ab sed per quae esse si hoc aut sunt atque nec omnes vel eius ius "
        "habet omnibus quisque hominum"
    ),
    "ru": (
        "и в на не что с по как это он из для от но же его к у за то так или о все она мы только было при есть ее "
        "может человек имеет право каждый быть без когда до если они также бы во со который ни их должен никто "
        "том"
    ),
    "uk": (
        "і в на не що з як це до та для від або його за у й але про має право кожна людина бути без її так які "
        "при є по чи може ніхто всі також який своїх повинна із щоб вона ці був під"
    ),
    "be": (
        "і ў на не што з як гэта да для ад або яго за але пра мае права кожны чалавек быць без яе так якія пры па "
        "ці можа ніхто усе таксама які сваіх павінна з'яўляецца чалавека"
    ),
    "bg": (
        "и в на не че с по като това от за се да е си или но той във към със при има право всеки човек бъде без "
        "ще които са му само трябва никой тези всички неговата което както"
    ),
    "sr": (
        "и у је на се да за од су са као или из који не има по би о које свако бити што право може није његове "
        "без до према ни која треба те како ако своје нико"
    ),
    "mk": (
        "и во на не дека со по како ова од за се да е или но тој кон при има право секој човек биде без ќе што му "
        "само треба никој сите неговата кое ги кои"
    ),
    "ar": (
        "في من على إلى أن هذا التي لا ما كل أو عن مع هو هذه لكل شخص الحق ولا كان ذلك الذي بين وفي لم بعد حق أي له "
        "فيها به أية دون قد كما"
    ),
    "fa": (
        "و در به از که این است را با برای آن هر یک خود تا دارد حق یا های بر کس شود می باید همه او نیز ها هیچ باشد "
        "کند شده اند مورد"
    ),
    "ur": (
        "اور کے میں کی سے کو ہے کا اس نے یہ پر کہ ہر شخص حق نہیں جو ہیں یا بھی کسی اپنے ہو جائے گا حاصل ان ایک تک لیے"
    ),
    "ps": "او په د چې له سره هر څوک حق لري ته دی کې ده پر نه یا شي هیڅ دې خپل هغه باید ټول",
    "hi": ("के में की है और से को का एक पर यह ने हैं कि भी नहीं इस या हो प्रत्येक व्यक्ति अधिकार किसी जो कर लिए अपने तथा था गया सकता"),
    "mr": ("आणि आहे या व हा च्या ते तर असे प्रत्येक हक्क आहेत किंवा त्या नाही त्याच्या सर्व कोणत्याही ही करण्याचा माणसाला पाहिजे होते"),
    "ne": "र को छ मा लाई प्रत्येक व्यक्ति हुनेछ पनि अधिकार वा छैन यो गर्न कुनै गरिने तथा आफ्नो हो भएको लागि हुन्छ",
}
"""Words by ISO 639 code, from the closed classes: articles, prepositions, pronouns, conjunctions, auxiliaries."""

LETTERS: tuple[tuple[str, str, int], ...] = (
    ("el", r"\p{Greek}", 3),
    ("he", r"\p{Hebrew}", 3),
    ("th", r"\p{Thai}", 3),
    ("lo", r"\p{Lao}", 3),
    ("km", r"\p{Khmer}", 3),
    ("my", r"\p{Myanmar}", 3),
    ("ka", r"\p{Georgian}", 3),
    ("hy", r"\p{Armenian}", 3),
    ("ko", r"\p{Hangul}", 3),
    ("zh", r"\p{Han}", 3),
    ("bn", r"\p{Bengali}", 3),
    ("ta", r"\p{Tamil}", 3),
    ("te", r"\p{Telugu}", 3),
    ("kn", r"\p{Kannada}", 3),
    ("ml", r"\p{Malayalam}", 3),
    ("gu", r"\p{Gujarati}", 3),
    ("pa", r"\p{Gurmukhi}", 3),
    ("si", r"\p{Sinhala}", 3),
    ("am", r"\p{Ethiopic}", 3),
    ("bo", r"\p{Tibetan}", 3),
    ("or", r"\p{Oriya}", 3),
    ("ja", r"[\p{Hiragana}\p{Katakana}]", 1),
    ("ru", r"\p{Cyrillic}", 60),
    ("ar", r"\p{Arabic}", 60),
    ("hi", r"\p{Devanagari}", 60),
    ("ru", "[ыэё]", 3),
    ("uk", "[їєґ]", 3),
    ("be", "[ў]", 3),
    ("mk", "[ќѓѕјљњ]", 3),
    ("sr", "[ђћџјљњ]", 3),
    ("bg", "ъ", 3),
    ("fa", "[پچژگ]", 3),
    ("ur", "[ٹڈڑےںہ]", 3),
    ("ps", "[ړښځټډې]", 3),
    ("de", "[ß]", 3),
    ("pl", "[ąęłśźż]", 3),
    ("hu", "[őű]", 3),
    ("tr", "[ğış]", 3),
    ("cs", "[ěřů]", 3),
    ("sk", "[ľĺŕ]", 3),
    ("ro", "[ățșţş]", 3),
    ("vi", "[ạảấầẩậắằặẹẻếềểệịọỏốồổộớờởợụủứừửựỳơưđ]", 3),
    ("is", "[ðþ]", 3),
    ("lv", "[āēīķļņģ]", 3),
    ("lt", "[ėįųū]", 3),
    ("sv", "[åäö]", 6),
    ("da", "[æø]", 6),
    ("no", "[æø]", 6),
    ("fi", "ä", 6),
    ("de", "[äöü]", 6),
    ("pt", "[ãõ]", 3),
    ("es", "[ñ¿¡]", 3),
    ("mt", "[ħġ]", 3),
    ("eo", "[ĉĝĥĵŝŭ]", 3),
)
"""Letters that speak for a language, and how many of them weigh as much as one small word."""
