"""The names and things that the sample data is made of. All made up."""

FIRST_NAMES = [
    "Amara",
    "Ben",
    "Carla",
    "Dmitri",
    "Elena",
    "Farid",
    "Grace",
    "Hiro",
    "Imani",
    "Jonas",
    "Katya",
    "Liam",
    "Maya",
    "Nadia",
    "Omar",
    "Priya",
    "Quentin",
    "Rosa",
    "Sven",
    "Tomás",
    "Uma",
    "Viktor",
    "Wendy",
    "Ximena",
    "Yusuf",
    "Zoë",
    "André",
    "Beatrix",
    "Chloé",
    "Dwayne",
    "Esther",
    "Felix",
    "Gülay",
    "Hannah",
    "Ivan",
    "Joséphine",
    "Kofi",
    "Lucía",
    "Marek",
    "Noor",
]

LAST_NAMES = [
    "Abbott",
    "Bergström",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Farrell",
    "Goldberg",
    "Haddad",
    "Ito",
    "Jansen",
    "Kowalski",
    "Larsen",
    "Mbeki",
    "Nakamura",
    "O'Neill",
    "Petrov",
    "Quiñones",
    "Rahman",
    "Schäfer",
    "Tanaka",
    "Ueda",
    "Vasquez",
    "Whitaker",
    "Xu",
    "Yilmaz",
    "Zimmer",
    "Ashford",
    "Bianchi",
    "Calloway",
    "Draper",
    "Ellison",
    "Fontaine",
    "Garrett",
    "Holloway",
    "Iverson",
    "Jarrett",
]

COLLEAGUES = (
    ("Dana", "Whitaker"),
    ("Marcus", "Holloway"),
    ("Priya", "Rahman"),
    ("Tomás", "Quiñones"),
    ("Ingrid", "Larsen"),
    ("Owen", "Garrett"),
    ("Leila", "Haddad"),
    ("Kenji", "Ito"),
    ("Brooke", "Ellison"),
    ("Samuel", "Mbeki"),
    ("Anneke", "Jansen"),
    ("Rafael", "Castillo"),
    ("Chloé", "Dubois"),
    ("Piotr", "Kowalski"),
    ("Hannah", "Goldberg"),
    ("Yusuf", "Yilmaz"),
    ("Grace", "Calloway"),
    ("Liam", "O'Neill"),
    ("Mei", "Xu"),
    ("Jonas", "Schäfer"),
    ("Ruth", "Abbott"),
    ("Viktor", "Petrov"),
    ("Sofia", "Bianchi"),
    ("Dwayne", "Jarrett"),
    ("Esther", "Fontaine"),
)
"""Who works at the group; the first is its operations lead and the owner of most automation."""

OPERATOR_HOST = "ops-console"

ROOFTOPS = {
    "Harbor Ridge Toyota": "harborridge-toyota.test",
    "Cedar Valley Subaru": "cedarvalley-subaru.test",
    "Summit Chevrolet": "summit-chevrolet.test",
    "Lakeside Motors": "lakeside-motors.test",
    "Northgate Fleet": "northgate-fleet.example",
    "Oldtown Imports": "oldtown-imports.test",
}
"""The group's dealerships and their mail domains."""

AUDIENCES = {
    "executive": ("user101", "user123"),
    "sales_manager": ("user104", "user105", "user112"),
    "inventory_manager": ("user107", "user109"),
    "finance_manager": ("user103", "user115"),
    "marketing": ("user113", "user119"),
}
"""Who an insight for an audience goes to, as ids of users."""

CARS = (
    ("Toyota", "RAV4 XLE", 31_900),
    ("Toyota", "Camry SE", 27_400),
    ("Toyota", "Tacoma TRD Off-Road", 38_700),
    ("Subaru", "Outback Premium", 30_800),
    ("Subaru", "Crosstrek Limited", 29_600),
    ("Chevrolet", "Silverado 1500 LT", 42_300),
    ("Chevrolet", "Equinox RS", 29_900),
    ("Chevrolet", "Tahoe Z71", 63_500),
    ("Ford", "F-150 XLT", 41_200),
    ("Ford", "Escape ST-Line", 28_100),
    ("Honda", "CR-V EX-L", 32_200),
    ("Honda", "Civic Sport", 24_600),
    ("Acura", "MDX Technology", 48_900),
    ("BMW", "X3 xDrive30i", 44_700),
    ("Hyundai", "Tucson SEL", 27_900),
    ("Kia", "Sorento EX", 33_400),
)

LEAD_SOURCES = (
    "Dealer website",
    "AutoTrader",
    "Cars.com",
    "CarGurus",
    "Manufacturer",
    "Phone up",
    "Walk-in",
    "Service drive",
)

LENDERS = (
    "Granite Credit",
    "First Prairie Bank",
    "Union Harbor CU",
    "Toyota Financial",
    "GM Financial",
    "Ally",
)

WATCHED = ("open leads", "repair orders", "titles", "due bills", "we-owes", "loaner cars")

COLOURS = ("white", "black", "silver", "blue", "red", "grey", "green")

INSIGHT_MODEL = "insight-writer-2"
PROMPT_VERSION = "v2.3.1"
