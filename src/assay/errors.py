"""Every error that Assay raises on purpose, as one tree; each says what was wrong, where, and what to do.

AssayError                   exit 1   the work failed
├── UsageError               exit 2   what was asked for, or how it was configured, cannot be done
│   └── ConfigError          exit 2   assay.yaml or a definition is wrong; names file, line and field
│       └── PartitionsDepend exit 2   a view cannot be run on the partitions that it declares
├── GateRefused              exit 3   a gate read the evidence and said no
├── KillCriterionFired       exit 4   the brief said when to give up, and that moment has come
├── ServiceUnreachable       exit 5   a store or server that was named by URL does not answer
├── DataError                exit 1   a source, a frame or a row is not what it was declared to be
│   └── LeakageFound         exit 3   a value is not known at prediction time
├── IntegrityError           exit 1   stored bytes are not those whose digest was recorded
└── NotFound                 exit 1   nothing has that name or id
"""


class AssayError(Exception):
    """The root of the tree; `exit_code` is what the command line returns for it."""

    exit_code = 1


class UsageError(AssayError):
    """The request itself cannot be carried out as it was put."""

    exit_code = 2


class ConfigError(UsageError):
    """A declaration is wrong; the message names the file, the line and the field, and what would be right."""


class PartitionsDepend(ConfigError):
    """Rows of a view depend on rows of other partitions, so that it must be computed whole or cut otherwise."""


class GateRefused(AssayError):
    """A gate answered no from the evidence that the message names."""

    exit_code = 3


class KillCriterionFired(AssayError):
    """A kill criterion of the brief holds; the message shows its figures."""

    exit_code = 4


class ServiceUnreachable(AssayError):
    """A server that the configuration names does not answer."""

    exit_code = 5


class DataError(AssayError):
    """Data is not what it was declared to be; the message names the column and the rows."""


class LeakageFound(DataError):
    """A column carries what was not known at prediction time."""

    exit_code = 3


class IntegrityError(AssayError):
    """Bytes on disk do not match the digest that was recorded for them."""


class NotFound(AssayError):
    """Nothing is stored under that name, id or digest."""
