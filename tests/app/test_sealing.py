"""The root secret: names without a way back, and values that only it opens."""

import pytest

from app.sealing import RootSecret, SealError, load_root
from settings import AuthSettings, SettingsError

ONE = RootSecret(b"k7Qz-2mWx9_LpRt4VbYc8NdFg3HsJa6E")
OTHER = RootSecret(b"q8Ry-3nXv0_MoSu5WcZd9PeGh4ItKb7F")


def test_a_name_is_stable_and_tells_nothing():
    assert ONE.digest("openid", "o-1") == ONE.digest("openid", "o-1")
    names = {ONE.digest("openid", "o-1"), ONE.digest("openid", "o-2"), ONE.digest("x", "o-1"), OTHER.digest("x", "o-1")}
    assert len(names) == 4
    assert {len(name) for name in names} == {64}


def test_what_is_sealed_opens_for_its_purpose_alone():
    sealed = ONE.seal("openid", "o-1 微信")
    assert ONE.open("openid", sealed) == "o-1 微信"
    assert "o-1" not in sealed
    for root, purpose, value in (
        (OTHER, "openid", sealed),
        (ONE, "token", sealed),
        (ONE, "openid", sealed[:-4] + "AAAA"),
    ):
        with pytest.raises(SealError):
            root.open(purpose, value)


@pytest.mark.parametrize("secret", ["", "short", "a" * 64, "ab" * 32])
def test_a_weak_root_secret_is_refused_without_being_said(secret, tmp_path):
    with pytest.raises(SettingsError) as caught:
        load_root(AuthSettings(root_secret=secret) if secret else AuthSettings(root_secret_file=tmp_path / "none"))
    assert not secret or secret not in str(caught.value)


def test_it_is_in_no_repr():
    assert "k7Qz" not in repr(ONE)
