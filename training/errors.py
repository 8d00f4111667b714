"""The one kind of failure a user of the training command can mend."""


class TrainingError(Exception):
    """A failure with a remedy: the message names what was wrong and what to do.

    `exit_status` is 2 for a request that can't be carried out as asked (a wrong name or
    option) and 1 for a machine that can't carry it out now (data, disk, permissions).
    """

    def __init__(self, message: str, exit_status: int = 1) -> None:
        super().__init__(message)
        self.exit_status = exit_status
