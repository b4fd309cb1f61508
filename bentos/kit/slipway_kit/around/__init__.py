"""What stands between a request and the batcher: a cache, a breaker with fallbacks, and a queue of items for review.

Each is off until a setting turns it on. `around.Around` answers one item with all of them, and knows no HTTP.
"""
