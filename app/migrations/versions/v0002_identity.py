"""Signing keys that rotate, revoked subjects, WeChat users, shared tokens, cloned voices and who may use them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables and two columns."""
    op.add_column("audio", sa.Column("voice", sa.String(64), nullable=False, server_default=""))
    op.add_column("audit", sa.Column("detail", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "revoked_subjects",
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("before_s", sa.Float, nullable=False),
        sa.Column("blocked", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_table(
        "jwt_keys",
        sa.Column("kid", sa.String(32), primary_key=True),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("created_s", sa.Float, nullable=False),
        sa.Column("signs_from_s", sa.Float, nullable=False),
        sa.Column("verifies_until_s", sa.Float),
    )
    op.create_table(
        "wechat_users",
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("openid", sa.Text, nullable=False),
        sa.Column("seen_s", sa.Float, nullable=False, index=True),
    )
    op.create_table(
        "shared_tokens",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("expires_s", sa.Float, nullable=False),
        sa.Column("forced_s", sa.Float, nullable=False, server_default="0"),
    )
    _create_voices()


def _create_voices() -> None:
    op.create_table(
        "cloned_voices",
        sa.Column("voice", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False, index=True),
        sa.Column("title", sa.String(100), nullable=False),
        sa.Column("clip_sha256", sa.String(64), nullable=False),
        sa.Column("state", sa.String(8), nullable=False, index=True),
        sa.Column("changed_s", sa.Float, nullable=False),
        sa.Column("created_s", sa.Float, nullable=False),
    )
    op.create_table(
        "voice_grants",
        sa.Column("voice", sa.String(64), primary_key=True),
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("created_s", sa.Float, nullable=False),
    )


def downgrade() -> None:
    """There is no way back but a backup."""
    raise NotImplementedError("restore a backup instead")
