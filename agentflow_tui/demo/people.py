"""Who works at the group, who is signed in, and what they let AgentFlow use."""

import json
from base64 import b64encode

from agentflow_tui.demo import words
from agentflow_tui.demo.builder import OPERATIONS_LEAD, Person, World, plain

DEMO_KEY = b"agentflow demo key, not a secret".hex()
"""The `ENCRYPTION_KEY` of the sample data: published here, so good for nothing else."""

_IV_BYTES = 16

_CREDENTIALS = (
    # platform, label, days until the refresh token expires, active
    ("vinsolutions", "VinSolutions – Harbor Ridge Toyota", None, True),
    ("vinsolutions", "VinSolutions – Cedar Valley Subaru", None, True),
    ("vinsolutions", "VinSolutions – group API", 21.0, True),
    ("vauto", "vAuto – group login", None, True),
    ("vauto", "vAuto – Provision API", 63.0, True),
    ("dealertrack", "DealerTrack – group finance", -30 / 24, True),
    ("dealertrack", "DealerTrack – Northgate Fleet", 12.5, True),
    ("imap", "reports@harborridge.example inbox", None, True),
    ("smtp", "Outgoing relay", None, True),
    ("google", "Google Workspace – marketing", 3.2, True),
    ("routeone", "RouteOne (until the move to DealerTrack)", -190.0, False),
    ("vinsolutions", "VinSolutions – former BDC account", None, False),
)

_API_KEYS = (
    ("vauto-pricing", True),
    ("vinsolutions-gateway", True),
    ("insight-writer", True),
    ("website-inventory", True),
    ("twilio-sms", True),
    ("carfax-vhr", True),
    ("blackbook-values", False),
    ("website-inventory-2024", False),
)


def hire(world: World) -> None:
    """The users. One is ``user123``, whom the database document's sample queries ask for."""
    names = iter(words.COLLEAGUES)
    numbers = [int(OPERATIONS_LEAD.removeprefix("user"))]
    numbers += [n for n in range(101, 101 + len(words.COLLEAGUES)) if n not in numbers]
    for number, (first, last) in zip(numbers, names, strict=True):
        key = f"user{number}"
        joined = world.ago(hours=24 * world.rng.uniform(60, 900))
        email = f"{plain(first)}.{plain(last)}@harborridge.example"
        world.people[key] = Person(f"{first} {last}", email)
        world.add(
            "users",
            id=key,
            email=email,
            firstName=first,
            lastName=last,
            profileImageUrl=f"https://people.harborridge.example/{key}.png",
            createdAt=joined,
            updatedAt=world.ago(hours=24 * world.rng.uniform(0.2, 50)),
        )


def sign_in(world: World) -> None:
    """Sessions, some of them expired and not yet purged."""
    for hours in (-160, -155, -148, -141, -120, -96, -71, -48, -30, -5, 3, 20, 60, 200):
        user = world.rng.choice(world.users)
        world.add(
            "sessions",
            sid=f"sess_{world.rng.getrandbits(120):030x}",
            sess={
                "cookie": {"originalMaxAge": 604_800_000, "httpOnly": True, "path": "/"},
                "passport": {"user": {"claims": {"sub": user}}},
            },
            expire=world.ago(hours=hours),
        )


def entrust(world: World, key: str) -> None:
    """Credentials, encrypted with ``key`` (64 hex digits), and API keys.

    ``encryptedData`` is Base64 of ciphertext and tag, ``iv`` is Base64.
    """
    # Loading cryptography takes as long as all the rest together.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    cipher = AESGCM(bytes.fromhex(key))
    for number, (platform, label, days, active) in enumerate(_CREDENTIALS):
        made = world.ago(hours=24 * world.rng.uniform(40, 700))
        iv = world.rng.randbytes(_IV_BYTES)
        secret = {
            "username": f"harborridge.{platform}.{number}",
            "password": f"demo-{world.rng.getrandbits(48):012x}",
            "dealerId": str(world.rng.randrange(10_000, 99_999)),
        }
        world.add(
            "credentials",
            id=world.uuid(made),
            userId=OPERATIONS_LEAD if number % 3 else world.users[3],
            platform=platform,
            label=label,
            encryptedData=b64encode(cipher.encrypt(iv, json.dumps(secret).encode(), None)).decode(),
            iv=b64encode(iv).decode(),
            refreshToken=f"demo-rt-{world.rng.getrandbits(80):020x}" if days else None,
            refreshTokenExpiry=world.ago(hours=-24 * days) if days else None,
            active=active,
            createdAt=made,
            updatedAt=world.ago(hours=24 * world.rng.uniform(2, 39)),
        )
    for name, active in _API_KEYS:
        made = world.ago(hours=24 * world.rng.uniform(50, 500))
        world.add(
            "api_keys",
            id=f"key_{name.replace('-', '_')}",
            keyName=name,
            keyValue=f"demo-{world.rng.getrandbits(128):032x}",
            active=active,
            createdAt=made,
            updatedAt=made if active else world.ago(hours=24 * 45),
        )
