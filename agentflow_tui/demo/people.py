"""The group's users, their sessions, and the credentials and keys that they gave AgentFlow."""

import json
from base64 import b64encode

from agentflow_tui.demo import data
from agentflow_tui.demo.builder import OPERATIONS_LEAD, Person, SampleBuilder, plain

DEMO_KEY = b"agentflow demo key, not a secret".hex()
"""The `ENCRYPTION_KEY` of the sample data: published here, so good for nothing else."""

_PEOPLE = data.read("people")

COLLEAGUES: list[tuple[str, str]] = [tuple(name) for name in _PEOPLE["colleagues"]]
"""First and last names of the group's users; the first is its operations lead."""

AUDIENCES: dict[str, list[str]] = _PEOPLE["audiences"]
"""The users of each role who are told of insights, by id."""

OUTSIDE_ADDRESSES: dict[str, list[str]] = _PEOPLE["outside"]
"""The addresses of other houses that are told of insights, by role."""

_IV_BYTES = 16


def add_users(builder: SampleBuilder) -> None:
    """Add the users. One is ``user123``, for whom the database document's sample queries ask."""
    numbers = [int(OPERATIONS_LEAD.removeprefix("user"))]
    numbers += [n for n in range(101, 101 + len(COLLEAGUES)) if n not in numbers]
    for number, (first, last) in zip(numbers, COLLEAGUES, strict=True):
        key = f"user{number}"
        joined = builder.ago(hours=24 * builder.rng.uniform(60, 900))
        email = f"{plain(first)}.{plain(last)}@harborridge.example"
        builder.people[key] = Person(f"{first} {last}", email)
        builder.add(
            "users",
            id=key,
            email=email,
            firstName=first,
            lastName=last,
            profileImageUrl=f"https://people.harborridge.example/{key}.png",
            createdAt=joined,
            updatedAt=builder.ago(hours=24 * builder.rng.uniform(0.2, 50)),
        )


def add_sessions(builder: SampleBuilder) -> None:
    """Add sessions, some of them expired and not yet purged."""
    for hours in _PEOPLE["sessions"]:
        user = builder.rng.choice(builder.users)
        person = builder.people[user]
        first, _, last = person.name.partition(" ")
        claims = {"sub": user, "email": person.email, "first_name": first, "last_name": last}
        builder.add(
            "sessions",
            sid=f"sess_{builder.rng.getrandbits(120):030x}",
            sess={
                "cookie": {"originalMaxAge": 604_800_000, "httpOnly": True, "path": "/"},
                "passport": {"user": {"claims": claims}},
            },
            expire=builder.ago(hours=-hours),
        )


def add_credentials(builder: SampleBuilder, key: str) -> None:
    """Add credentials, encrypted with ``key`` (64 hex digits).

    ``encryptedData`` is Base64 of ciphertext and tag, ``iv`` is Base64.
    """
    # Loading cryptography takes as long as all the rest together.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    cipher = AESGCM(bytes.fromhex(key))
    for number, row in enumerate(_PEOPLE["credentials"]):
        made = builder.ago(hours=24 * builder.rng.uniform(40, 700))
        days = row.get("token_days")
        iv = builder.rng.randbytes(_IV_BYTES)
        secret = {
            "username": f"harborridge.{row['platform']}.{number}",
            "password": f"demo-{builder.rng.getrandbits(48):012x}",
            "dealerId": str(builder.rng.randrange(10_000, 99_999)),
        }
        builder.add(
            "credentials",
            id=builder.uuid(made),
            userId=OPERATIONS_LEAD if number % 3 else builder.users[3],
            platform=row["platform"],
            label=row["label"],
            encryptedData=b64encode(cipher.encrypt(iv, json.dumps(secret).encode(), None)).decode(),
            iv=b64encode(iv).decode(),
            refreshToken=f"demo-rt-{builder.rng.getrandbits(80):020x}" if days else None,
            refreshTokenExpiry=builder.ago(hours=-24 * days) if days else None,
            active=row.get("active", True),
            createdAt=made,
            updatedAt=builder.ago(hours=24 * builder.rng.uniform(2, 39)),
        )


def add_api_keys(builder: SampleBuilder) -> None:
    """Add API keys, in use and revoked."""
    for name in _PEOPLE["api_keys"] + _PEOPLE["revoked_api_keys"]:
        made = builder.ago(hours=24 * builder.rng.uniform(50, 500))
        active = name in _PEOPLE["api_keys"]
        builder.add(
            "api_keys",
            id=f"key_{name.replace('-', '_')}",
            keyName=name,
            keyValue=f"demo-{builder.rng.getrandbits(128):032x}",
            active=active,
            createdAt=made,
            updatedAt=made if active else builder.ago(hours=24 * 45),
        )
