"""Reward models for helpfulness and safety, trained from preference data. torch may be imported here."""
