"""The pages of people who use licences: is a seat free, tell me when, why was I refused."""
