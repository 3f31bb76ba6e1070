"""Configurations of other servers: each key is translated, or refused with the reason, or noted
as without effect."""
