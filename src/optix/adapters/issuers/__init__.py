"""Outside issuers of identities."""
