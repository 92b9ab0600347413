"""The tables as they were before there were steps; finds them in part or whole in a database of that time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create what is missing."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("scopes", sa.String(100), nullable=False),
        sa.Column("created_s", sa.Float, nullable=False),
        sa.Column("expires_s", sa.Float),
        sa.Column("revoked_s", sa.Float),
        sa.Column("last_used_s", sa.Float),
        if_not_exists=True,
    )
    op.create_table(
        "revoked_tokens",
        sa.Column("jti", sa.String(64), primary_key=True),
        sa.Column("expires_s", sa.Float, nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_revoked_tokens_expires_s", "revoked_tokens", ["expires_s"], if_not_exists=True)
    op.create_table(
        "audio",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        sa.Column("timings", sa.Text, nullable=False),
        sa.Column("warnings", sa.Text, nullable=False),
        sa.Column("created_s", sa.Float, nullable=False),
        sa.Column("last_used_s", sa.Float, nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_audio_last_used_s", "audio", ["last_used_s"], if_not_exists=True)
    op.create_table(
        "usage",
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("characters", sa.BigInteger, nullable=False),
        if_not_exists=True,
    )
    _create_lists()


def _create_lists() -> None:
    op.create_table(
        "prewarm",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("order", sa.Text, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("updated_s", sa.Float, nullable=False),
        if_not_exists=True,
    )
    if "attempts" not in {column["name"] for column in sa.inspect(op.get_bind()).get_columns("prewarm")}:
        op.add_column("prewarm", sa.Column("attempts", sa.Integer, nullable=False, server_default="0"))
    op.create_index("ix_prewarm_state", "prewarm", ["state"], if_not_exists=True)
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at_s", sa.Float, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("target", sa.String(200), nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_audit_at_s", "audit", ["at_s"], if_not_exists=True)


def downgrade() -> None:
    """There is nothing before the first step."""
    raise NotImplementedError("restore a backup instead")
