"""The AWS endpoint of an instance: moto in a process of ours, with an account of its own and a memory that lasts."""
