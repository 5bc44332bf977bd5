"""What phones are told about our apps, and the origin that a passkey in an Android app shows."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI
from tests.fakes.authenticator import Authenticator
from tests.fixtures.api import BASE_URL

from optix.features.identity.native_apps import NativeApps
from optix.features.identity.passkeys import RelyingParty
from optix.features.identity.schemas_factors import NewCredential

CERTIFICATE = hashlib.sha256(b"the certificate of the app").digest()
FINGERPRINT = CERTIFICATE.hex(":").upper()
APPS = NativeApps(["ABCDE12345.org.example.optix"], [f"org.example.optix/{FINGERPRINT}"])


def test_an_android_app_signs_under_the_hash_of_its_certificate() -> None:
    origin = f"android:apk-key-hash:{urlsafe_b64encode(CERTIFICATE).rstrip(b'=').decode()}"
    assert APPS.origins == [origin]
    party = RelyingParty(BASE_URL, APPS.origins)
    challenge, options = party.registration_options(
        user_handle=b"0123456789abcdef", email="ada@example.com", display_name="", known=()
    )
    made = Authenticator(origin=origin).create(options)
    assert party.verify_registration(NewCredential.model_validate(made), challenge).credential_id


@pytest.mark.stores
async def test_phones_find_our_apps_at_the_fixed_addresses(
    client: httpx.AsyncClient, api_app: FastAPI
) -> None:
    api_app.state.identity = replace(api_app.state.identity, native_apps=APPS)
    apple = await client.get("/.well-known/apple-app-site-association")
    assert apple.headers["content-type"] == "application/json"
    assert apple.json() == {"webcredentials": {"apps": ["ABCDE12345.org.example.optix"]}}
    android = await client.get("/.well-known/assetlinks.json")
    assert android.json() == [
        {
            "relation": ["delegate_permission/common.get_login_creds"],
            "target": {
                "namespace": "android_app",
                "package_name": "org.example.optix",
                "sha256_cert_fingerprints": [FINGERPRINT],
            },
        }
    ]
    assert "max-age" in android.headers["cache-control"]
