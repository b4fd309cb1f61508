"""What must exist before an image can be pushed: repositories, the roles of CI, the audit trail, the budget."""
