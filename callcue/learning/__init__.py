"""What the knowledge base learns from calls: feedback, unanswered questions, the ledger of each card, the audit."""
