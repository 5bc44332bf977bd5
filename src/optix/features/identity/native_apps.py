"""Which native apps are ours: what phones ask our host before they use its passkeys in an app.

iOS and Android look for a document at a fixed address (associated domains, digital asset links).
An Android app then shows an origin made from the certificate it is signed with; an iOS app shows
our own web origin.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from optix.features.identity.schemas_factors import (
    AndroidTarget,
    AppleAssociation,
    AssetLink,
    WebCredentials,
)


@dataclass(frozen=True, slots=True)
class NativeApps:
    """`ios` are team and bundle ids; `android` are a package and its certificate's SHA-256."""

    ios: Sequence[str] = ()
    android: Sequence[str] = ()

    @property
    def origins(self) -> list[str]:
        """Return the origins that Android apps show."""
        return [f"android:apk-key-hash:{_hash(each)}" for each in self.android]

    def apple_document(self) -> AppleAssociation:
        return AppleAssociation(webcredentials=WebCredentials(apps=list(self.ios)))

    def android_document(self) -> list[AssetLink]:
        return [
            AssetLink(
                relation=["delegate_permission/common.get_login_creds"],
                target=AndroidTarget(
                    namespace="android_app",
                    package_name=package,
                    sha256_cert_fingerprints=[fingerprint],
                ),
            )
            for package, _, fingerprint in (each.partition("/") for each in self.android)
        ]


def _hash(app: str) -> str:
    raw = bytes.fromhex(app.partition("/")[2].replace(":", ""))
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
