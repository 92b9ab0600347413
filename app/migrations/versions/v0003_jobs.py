"""Long texts and their parts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("subject", sa.String(64), nullable=False, index=True),
        sa.Column("idempotency_key", sa.String(128)),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("state", sa.String(10), nullable=False, index=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("wish", sa.Text, nullable=False),
        sa.Column("callback_url", sa.Text),
        sa.Column("callback_state", sa.String(10), nullable=False, server_default=""),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("turn", sa.Integer, nullable=False, server_default="0"),
        sa.Column("lease_s", sa.Float, nullable=False, index=True),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("code", sa.String(40), nullable=False, server_default=""),
        sa.Column("detail", sa.Text, nullable=False, server_default=""),
        sa.Column("result", sa.String(64), nullable=False, server_default=""),
        sa.Column("duration_s", sa.Float, nullable=False, server_default="0"),
        sa.Column("created_s", sa.Float, nullable=False),
        sa.Column("updated_s", sa.Float, nullable=False, index=True),
        sa.UniqueConstraint("subject", "idempotency_key"),
    )
    op.create_table(
        "job_parts",
        sa.Column("job", sa.String(32), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("begin", sa.Integer, nullable=False),
        sa.Column("end", sa.Integer, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("sound", sa.String(64), nullable=False, server_default=""),
        sa.Column("playable", sa.String(64), nullable=False, server_default=""),
        sa.Column("duration_s", sa.Float, nullable=False, server_default="0"),
        sa.Column("free", sa.Integer, nullable=False, server_default="0"),
    )


def downgrade() -> None:
    """There is no way back but a backup."""
    raise NotImplementedError("restore a backup instead")
