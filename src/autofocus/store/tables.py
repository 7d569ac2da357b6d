"""Every table. Facts are rows with validity intervals; effects carry the name of their inputs.

Times are ISO 8601 strings in UTC with microseconds, so both databases sort and compare them
alike. JSON columns hold what nobody filters by.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite only auto-increments a plain INTEGER primary key.
_Serial = BigInteger().with_variant(Integer, "sqlite")


def _one_current_row_per_key(name: str) -> Index:
    current = text("rev_to IS NULL")
    return Index(
        name, "project", "key", unique=True, sqlite_where=current, postgresql_where=current
    )


project = Table(
    "project",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("task", String(32), nullable=False),
    Column("classes", JSON, nullable=False),
    Column("background", JSON, nullable=False, default=list),  # classes that are areas
    Column("policy", Text, nullable=False, default=""),
    Column("revision", BigInteger, nullable=False, default=0),
    Column("paused", Boolean, nullable=False, default=False),
    Column("frozen", Text, nullable=False, default=""),
    Column("created_at", String(32), nullable=False),
)

blob = Table(
    "blob",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("pack", String(64), nullable=False, default=""),  # "" = by reference or deleted
    Column("pack_offset", BigInteger, nullable=False, default=0),
    Column("uri", Text, nullable=False, default=""),
    Column("deleted_at", String(32)),
)

sample = Table(
    "sample",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("project", String(63), ForeignKey("project.name"), nullable=False),
    Column("key", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("format", String(16), nullable=False),
    Column("orientation", Integer, nullable=False, default=1),
    Column("phash", String(16), nullable=False),
    Column("brightness", Float, nullable=False),
    Column("contrast", Float, nullable=False),
    Column("blur", Float, nullable=False),
    Column("entropy", Float, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("source", String(128), nullable=False),
    Column("split", String(8), nullable=False),
    Column("rev_from", BigInteger, nullable=False),
    Column("rev_to", BigInteger),  # NULL = still a member with this content, split and metadata
    Column("created_at", String(32), nullable=False),
    Index("ix_sample_project_key", "project", "key"),
    _one_current_row_per_key("uq_sample_current"),
    Index("ix_sample_project_rev_from", "project", "rev_from"),
    Index("ix_sample_project_rev_to", "project", "rev_to"),
    Index("ix_sample_sha256", "sha256"),
)

annotation = Table(
    "annotation",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("project", String(63), ForeignKey("project.name"), nullable=False),
    Column("key", Text, nullable=False),  # of the sample
    Column("label", JSON, nullable=False),  # encoded Tag or Shapes
    Column("classes", Text, nullable=False, server_default="[]"),  # of the label, as a JSON list
    Column("author", String(128), nullable=False),
    Column("source", String(16), nullable=False),
    Column("confidence", Float),
    Column("suggested_by", String(128)),
    Column("case", String(128)),
    Column("seconds", Float),
    Column("created_at", String(32), nullable=False),
    Column("rev_from", BigInteger, nullable=False),
    Column("rev_to", BigInteger),
    Column("request", String(128)),  # idempotency key of the save, unique where given
    UniqueConstraint("project", "request"),
    Index("ix_annotation_project_key", "project", "key"),
    _one_current_row_per_key("uq_annotation_current"),
    Index("ix_annotation_project_rev_from", "project", "rev_from"),
    Index("ix_annotation_project_rev_to", "project", "rev_to"),
)

version = Table(
    "version",
    metadata,
    Column("project", String(63), ForeignKey("project.name"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("parent", String(64)),
    Column("revision", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Column("author", String(128), nullable=False),
    Column("counts", JSON, nullable=False),
    Column("images", JSON, nullable=False, server_default="{}"),
    Column("created_at", String(32), nullable=False),
    Column("effect", String(255), unique=True),  # names the inputs when the loop commits
    Index("ix_version_digest", "digest"),
)

label_task = Table(
    "label_task",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("project", String(63), ForeignKey("project.name"), nullable=False),
    Column("key", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column(
        "purpose", String(32), nullable=False
    ),  # verdict | training | comparison | watch | uniform | manual | review
    Column("priority", Float, nullable=False),
    Column("propensity", Float),
    Column("case", String(128)),
    Column("suggestion", String(255)),
    Column("suggestion_confidence", Float),
    Column("suggested_by", String(128)),  # the model behind the suggestion
    Column("opinion", String(255)),  # the labelling assistant's own answer
    Column("opinion_confidence", Float),
    Column("disagreement", Float),  # how much it contradicts the suggestion, -1 .. 1
    Column("state", String(16), nullable=False),  # open | leased | done | skipped | cancelled
    Column("assignee", String(128)),
    Column("leased_until", String(32)),
    Column("created_at", String(32), nullable=False),
    Column("done_at", String(32)),
    Column("annotation", BigInteger),
    Column("details", JSON, nullable=False),
    Index("ix_label_task_project_state_priority", "project", "state", "priority"),
    Index("ix_label_task_case", "case"),
)

run = Table(
    "run",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("project", String(63), ForeignKey("project.name"), nullable=False),
    Column("spec", JSON, nullable=False),
    Column("spec_digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("cancel_wanted", Boolean, nullable=False, default=False),
    Column("case", String(128)),
    Column("environment", JSON, nullable=False),
    Column("hardware", JSON, nullable=False),
    Column("weights_digest", String(64)),
    Column("bundle", String(64)),
    Column("error", Text),
    Column("created_at", String(32), nullable=False),
    Column("finished_at", String(32)),
    Index("ix_run_project_created_at", "project", "created_at"),
)

run_metric = Table(
    "run_metric",
    metadata,
    Column("run", String(128), ForeignKey("run.id"), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("value", Float, nullable=False),
    Column("at", String(32), nullable=False),
)

run_artifact = Table(
    "run_artifact",
    metadata,
    Column("run", String(128), ForeignKey("run.id"), primary_key=True),
    Column("path", String(512), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("uri", Text, nullable=False),
)

model = Table(
    "model",
    metadata,
    Column("id", String(128), primary_key=True),  # "<project>-<number>"
    Column("project", String(63), ForeignKey("project.name"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("run", String(128)),
    Column("version", String(64), nullable=False),
    Column("bundle", String(64), nullable=False),
    Column("weights_digest", String(64), nullable=False),
    Column("parent", String(128)),
    Column("case", String(128)),
    Column("metrics", JSON, nullable=False),
    Column("created_at", String(32), nullable=False),
    UniqueConstraint("project", "number"),
    UniqueConstraint("project", "run"),
)

alias = Table(
    "alias",
    metadata,
    Column("project", String(63), ForeignKey("project.name"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("model", String(128), nullable=False),
    Column("changed_at", String(32), nullable=False),
)

alias_history = Table(  # the promotion record
    "alias_history",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("project", String(63), nullable=False),
    Column("name", String(64), nullable=False),
    Column("model", String(128)),
    Column("before", String(128)),
    Column("actor", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("case", String(128)),
    Column("at", String(32), nullable=False),
)

report = Table(
    "report",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("project", String(63), ForeignKey("project.name"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("body", JSON, nullable=False),
    Column("created_at", String(32), nullable=False),
    Index("ix_report_project_subject", "project", "subject"),
)

deployment = Table(
    "deployment",
    metadata,
    Column("project", String(63), ForeignKey("project.name"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("body", JSON, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("effect", String(255), unique=True),
    Column("created_at", String(32), nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("project", String(63), nullable=False),
    Column("prediction", String(128), nullable=False),
    Column("label", String(255), nullable=False),
    Column("author", String(128), nullable=False),
    Column("at", String(32), nullable=False),
    Index("ix_feedback_prediction", "prediction"),
)

monitor_state = Table(
    "monitor_state",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("model", String(128), primary_key=True),
    Column("generation", Integer, primary_key=True),  # a new reference is a new generation
    Column("cursor", JSON, nullable=False),  # server -> next row number to read
    Column("state", LargeBinary, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("updated_at", String(32), nullable=False),
)

monitor_point = Table(  # the history that charts draw: one row per batch of predictions
    "monitor_point",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("model", String(128), primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("rows", BigInteger, primary_key=True),
    Column("body", JSON, nullable=False),
    Column("at", String(32), nullable=False),
)

signal = Table(
    "signal",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("project", String(63), ForeignKey("project.name"), nullable=False),
    Column("model", String(128), nullable=False),
    Column("body", JSON, nullable=False),
    Column("case", String(128)),
    Column("created_at", String(32), nullable=False),
)

case = Table(
    "case",
    metadata,
    Column("id", String(128), primary_key=True),  # "<project>-case-<number>"
    Column("project", String(63), ForeignKey("project.name"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("stage", String(16), nullable=False),
    Column("model", String(128), nullable=False),
    Column("signal", String(255)),
    Column("trigger", Text, nullable=False),
    Column("verdict", String(16)),
    Column("outcome", String(16)),
    Column("reason", Text, nullable=False, default=""),
    Column("challenger", String(128)),
    Column("waiting_for", Text, nullable=False, default=""),
    Column("paused", Boolean, nullable=False, default=False),
    Column("cancel_wanted", Boolean, nullable=False, default=False),
    Column("evidence", JSON, nullable=False),
    Column("opened_at", String(32), nullable=False),
    Column("closed_at", String(32)),
    UniqueConstraint("project", "number"),
)

case_step = Table(  # what a step of a case did, named by its inputs: done once, read for ever
    "case_step",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("case", String(128), ForeignKey("case.id"), nullable=False),
    Column("output", JSON, nullable=False),
    Column("at", String(32), nullable=False),
    Index("ix_case_step_case", "case"),
)

approval = Table(
    "approval",
    metadata,
    Column("id", String(255), primary_key=True),  # "<case>/<step>"
    Column("case", String(128), ForeignKey("case.id"), nullable=False),
    Column("step", String(64), nullable=False),
    Column("state", String(16), nullable=False),  # wanted | approved | rejected
    Column("who", String(128)),
    Column("why", Text),
    Column("asked_at", String(32), nullable=False),
    Column("decided_at", String(32)),
)

event = Table(
    "event",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("key", String(255), nullable=False, unique=True),
    Column("kind", String(64), nullable=False),
    Column("project", String(63), nullable=False),
    Column("what", Text, nullable=False),
    Column("subject", String(255), nullable=False),
    Column("cause", String(255), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("body", JSON, nullable=False),
    Column("at", String(32), nullable=False),
    Index("ix_event_project_id", "project", "id"),
)
