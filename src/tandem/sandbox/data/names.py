"""The words the sandbox's people, companies and streets are made of.

A sync tried only on ASCII breaks on its first real customer. Here nearly one person in three has a name in another
script, and many of the others one with accents, combining marks, an apostrophe or several words. The companies are
invented, and whoever writes to one of these people reaches nobody: the mail domains are reserved (RFC 2606).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Culture:
    """How people of one country are named and where they live.

    `places` holds (city, state or province, postal code); `weight` is the share of people, in no unit.
    """

    weight: int
    country: str
    dial: str
    salutations: tuple[str, ...]
    first: tuple[str, ...]
    last: tuple[str, ...]
    streets: tuple[str, ...]
    places: tuple[tuple[str, str | None, str | None], ...]


CULTURES = (
    Culture(
        weight=30,
        country="United States",
        dial="+1",
        salutations=("Mr.", "Ms.", "Dr."),
        first=(
            *("Alice", "Brandon", "Carol", "Darnell", "Emily", "Frank", "Grace", "Hector", "Irene", "James"),
            *("Kayla", "Liam", "Mary Ann", "Noah", "Olivia", "Peter", "Quinn", "Rosa", "Samuel", "Tamika"),
        ),
        last=(
            *("Anderson", "Brooks", "Carter", "Davis", "Edwards", "Foster", "García", "Hughes", "Ingram"),
            *("Jackson", "Kowalski", "Lopez", "McAllister", "Nguyen", "O'Neill", "Parker", "Reyes", "Smith"),
            *("Turner", "Washington-Hale"),
        ),
        streets=("Maple Avenue", "Second Street", "Lake Shore Drive", "Old Mill Road", "Market Street"),
        places=(
            ("Portland", "OR", "97204"),
            ("Austin", "TX", "78701"),
            ("Columbus", "OH", "43215"),
            ("Albany", "NY", "12207"),
            ("Coeur d'Alene", "ID", "83814"),
        ),
    ),
    Culture(
        weight=12,
        country="United Kingdom",
        dial="+44",
        salutations=("Mr", "Mrs", "Ms", "Dr", "Sir"),
        first=("Alistair", "Bronwen", "Callum", "Daisy", "Elspeth", "Gareth", "Imogen", "Nigel", "Zoë"),
        last=("Ashworth", "Brontë", "Cholmondeley", "D'Arcy", "MacLeod", "Okafor", "Patel", "St. John", "Wood"),
        streets=("High Street", "Church Lane", "King's Road", "Station Approach"),
        places=(("Leeds", "West Yorkshire", "LS1 4AP"), ("Bristol", None, "BS1 5TR"), ("King's Lynn", "Norfolk", None)),
    ),
    Culture(
        weight=10,
        country="Germany",
        dial="+49",
        salutations=("Herr", "Frau", "Dr.", "Prof. Dr."),
        first=("Anke", "Björn", "Cäcilie", "Dietmar", "Friederike", "Günther", "Jürgen", "Lena", "Sören", "Ute"),
        last=("Bauer", "Groß", "Hofmann", "Jäger", "Krüger", "Müller-Lüdenscheidt", "Schröder", "von der Heide"),
        streets=("Hauptstraße", "Am Alten Markt", "Goethestraße", "Schloßallee"),
        places=(("München", "Bayern", "80331"), ("Köln", "Nordrhein-Westfalen", "50667"), ("Görlitz", "Sachsen", None)),
    ),
    Culture(
        weight=8,
        country="France",
        dial="+33",
        salutations=("M.", "Mme"),
        first=("Aurélie", "Benoît", "Chloé", "François", "Hélène", "Jean-Luc", "Loïc", "Maëlys", "Noël", "Zacharie"),
        last=("d’Aubigné", "Bélanger", "Lefèvre", "L’Hermite", "Moreau", "N’Diaye", "Perrault", "de la Tour"),
        streets=("rue de l’Église", "boulevard Voltaire", "place des Fêtes"),
        places=(("Nîmes", "Occitanie", "30000"), ("L’Haÿ-les-Roses", None, "94240"), ("Lyon", None, "69002")),
    ),
    Culture(
        weight=6,
        country="España",
        dial="+34",
        salutations=("Sr.", "Sra."),
        first=("Begoña", "Íñigo", "José María", "Lucía", "María del Carmen", "Núria", "Óscar", "Ximena"),
        last=("Álvarez de Toledo", "Castaño", "Fernández", "Ibáñez Ruiz", "Muñoz", "Peña", "Zúñiga"),
        streets=("calle Mayor", "avenida de la Constitución", "plaça de Sant Jordi"),
        places=(("A Coruña", "Galicia", "15001"), ("Cádiz", "Andalucía", "11001"), ("Logroño", None, None)),
    ),
    Culture(
        weight=4,
        country="Polska",
        dial="+48",
        salutations=("Pan", "Pani"),
        first=("Agnieszka", "Bogusław", "Grażyna", "Łukasz", "Małgorzata", "Świętosław", "Zbigniew"),
        last=("Dąbrowska", "Gżegżółka", "Kaźmierczak", "Łoś", "Śliwiński", "Wójcik", "Żółtowski"),
        streets=("ul. Świętojańska", "al. Niepodległości", "ul. Łąkowa"),
        places=(("Łódź", "łódzkie", "90-001"), ("Gdańsk", "pomorskie", "80-831"), ("Kraków", None, "31-042")),
    ),
    Culture(
        weight=4,
        country="Türkiye",
        dial="+90",
        salutations=("Bay", "Bayan"),
        first=("Ayşe", "Çağrı", "İbrahim", "Işıl", "Oğuz", "Şebnem", "Ümit"),
        last=("Çelik", "Doğan", "Güneş", "Işık", "Öztürk", "Şahin", "Yıldız"),
        streets=("Atatürk Caddesi", "İnönü Sokağı", "Çınar Sokak"),
        places=(("İstanbul", None, "34110"), ("Diyarbakır", None, "21000"), ("Çanakkale", None, "17100")),
    ),
    Culture(
        weight=5,
        country="Việt Nam",
        dial="+84",
        salutations=("Ông", "Bà"),
        # The last two of each are written with combining marks, as some input methods send them.
        first=("Anh", "Đức", "Hồng", "Thị Mỹ", "Tuấn", "Bi\u0300nh", "Phu\u031bo\u031b\u0323ng"),
        last=("Đặng", "Hoàng", "Lê", "Phạm", "Võ", "Nguye\u0302\u0303n", "Tra\u0302\u0300n"),
        streets=("Đường Lê Lợi", "Phố Hàng Bông"),
        places=(("Hà Nội", None, "100000"), ("Đà Nẵng", None, "550000")),
    ),
    Culture(
        weight=5,
        country="Україна",
        dial="+380",
        salutations=("пан", "пані"),
        first=("Богдан", "Ганна", "Дмитро", "Євгенія", "Їржі", "Мар'яна", "Оксана", "Тарас"),
        last=("Білоус", "В’язовська", "Гнатюк", "Д'яченко", "Коваленко", "Шевчук", "Яблонська"),
        streets=("вул. Хрещатик", "просп. Перемоги", "вул. Лесі Українки"),
        places=(("Київ", None, "01001"), ("Кам'янець-Подільський", "Хмельницька область", "32300")),
    ),
    Culture(
        weight=3,
        country="Ελλάδα",
        dial="+30",
        salutations=("Κος", "Κα"),
        first=("Αικατερίνη", "Γεώργιος", "Ευάγγελος", "Ιωάννης", "Μαΐρη", "Σοφία"),
        last=("Αλεξίου", "Βασιλείου", "Δημητριάδη", "Παπαδόπουλος", "Χατζηΐωάννου"),
        streets=("Οδός Ερμού", "Λεωφόρος Κηφισίας"),
        places=(("Αθήνα", "Αττική", "105 57"), ("Θεσσαλονίκη", None, "546 24")),
    ),
    Culture(
        weight=4,
        country="日本",
        dial="+81",
        salutations=("様", "先生"),
        first=("陽子", "健一", "さくら", "大輔", "ひろし", "美咲", "ケンジ", "𠮷雄"),
        last=("佐藤", "髙橋", "渡邉", "小鳥遊", "鈴木", "山田", "𠮷田"),
        streets=("中央通り", "桜町", "銀座"),
        places=(("東京都", "千代田区", "100-0001"), ("大阪市", "大阪府", "530-0001")),
    ),
    Culture(
        weight=5,
        country="中国",
        dial="+86",
        salutations=("先生", "女士"),
        first=("伟", "秀英", "娜", "建国", "晓明", "丽华", "子轩"),
        last=("王", "李", "欧阳", "陈", "司马", "刘", "赵"),
        streets=("人民路", "解放大街", "中山路"),
        places=(("上海", None, "200000"), ("成都", "四川省", "610000")),
    ),
    Culture(
        weight=3,
        country="대한민국",
        dial="+82",
        salutations=("님",),
        first=("민준", "서연", "지우", "하은", "도윤", "은"),
        last=("김", "이", "박", "최", "남궁", "황보"),
        streets=("세종대로", "강남대로"),
        places=(("서울특별시", None, "04524"), ("부산광역시", None, "48058")),
    ),
    Culture(
        weight=4,
        country="مصر",
        dial="+20",
        salutations=("السيد", "السيدة", "د."),
        first=("أحمد", "فاطمة", "محمود", "نُور", "يوسف", "عبد الرحمن"),
        last=("الشريف", "المصري", "حسن", "عبد العزيز", "منصور"),
        streets=("شارع التحرير", "شارع النيل"),
        places=(("القاهرة", None, "11511"), ("الإسكندرية", None, "21500")),
    ),
    Culture(
        weight=2,
        country="ישראל",
        dial="+972",
        salutations=("מר", "גב׳"),
        first=("אבי", "יעל", "נועה", "משה", "שׁוּלָה"),
        last=("כהן", "לוי", "בן־דוד", "ג׳קסון", "מזרחי"),
        streets=("רחוב הרצל", "שדרות רוטשילד"),
        places=(("תל אביב", None, "6100000"), ("באר שבע", None, None)),
    ),
    Culture(
        weight=5,
        country="भारत",
        dial="+91",
        salutations=("श्री", "श्रीमती"),
        first=("अनन्या", "कृष्णा", "प्रिया", "राहुल", "लक्ष्मी", "विक्रम"),
        last=("अग्रवाल", "चतुर्वेदी", "मिश्रा", "शर्मा", "श्रीवास्तव"),
        streets=("महात्मा गांधी मार्ग", "स्टेशन रोड"),
        places=(("नई दिल्ली", "दिल्ली", "110001"), ("मुंबई", "महाराष्ट्र", "400001")),
    ),
    Culture(
        weight=2,
        country="ประเทศไทย",
        dial="+66",
        salutations=("คุณ",),
        first=("กิตติ", "น้ำฝน", "พิมพ์", "สมชาย", "อรุณี"),
        last=("แก้วมณี", "ทองดี", "รัตนกุล", "ศรีสุข"),
        streets=("ถนนสุขุมวิท", "ถนนราชดำเนิน"),
        places=(("กรุงเทพมหานคร", None, "10110"), ("เชียงใหม่", None, "50000")),
    ),
)

JOB_TITLES = (
    *("Account Manager", "Buyer", "CEO", "CFO", "Chief Architect", "Consultant", "Controller", "Founder & CEO"),
    *("Head of Marketing", "IT Manager", "Leiter Einkauf", "Office Manager", "Operations Director", "Owner"),
    *("Plant Manager", "Responsable des achats", "Sales Director", "VP, Engineering", "VP/Sales", "部長"),
)

COMPANY_FIRST = (
    *("Alder", "Blue Harbor", "Borealis", "Cobalt", "Cedar & Stone", "Düne", "Étoile", "Fjord", "Granite", "Helix"),
    *("Iron Bridge", "Juniper", "Keystone", "Lumen", "Meridian", "Nordlicht", "O'Hara", "Pinnacle", "Quartz"),
    *("Redwood", "Sakura", "Tidewater", "Umbra", "Vega", "Willow", "Ñandú", "Škola", "Орион", "東洋", "الواحة"),
)
COMPANY_SECOND = (
    *("Analytics", "Biotech", "Capital", "Dental", "Electronics", "Foods", "Freight", "Hospitality", "Insurance"),
    *("Instruments", "Kitchens", "Labs", "Logistics", "Media", "Metals", "Optics", "Paper", "Power", "Robotics"),
    *("Shipping", "Software", "Textiles", "Tools", "Water"),
)
COMPANY_FORM = ("", " Inc.", " LLC", " Ltd", " GmbH", " S.A.", " & Co. KG", " 株式会社", ", ООО", " AB")

TOPICS = (
    *("Annual maintenance contract", "Asked for a demo", "Brochure download", "Interested in the new line"),
    *("Met at the trade fair", "Newsletter reply", "Price list for 2 sites", "Replacement of old machines"),
    *("Webinar: “Less waste, more yield”", "Umstieg auf die Cloud", "Wants a call back", "お見積りのご依頼"),
)

NOTES = (
    *("Prefers to be called in the morning.", "Met at the fair; very interested.\nSend the brochure."),
    *("Decision in the next quarter.", "Speaks English and français.", "Do not mention the old supplier!"),
    *('Said: "call me back, but not on Fridays".', "Budget approved 👍", "Left the company?\r\nCheck with reception."),
)

PRODUCTS = (
    *("Conveyor upgrade", "Control cabinet", "Fleet telematics", "Heat pumps", "Laser cutter", "Packaging line"),
    *("Service plan", "Spare parts", "Training", "Warehouse software"),
)

OWNER_TEAMS = ("Inside Sales", "Field Sales North", "Field Sales South", "Key Accounts", "Partner Desk", "Équipe Sud")
ACCESS_TEAMS = ("Tender 4711 (access)",)
