"""What the gate asks of tools: plain requests, and the calls or answers that are right."""

from __future__ import annotations

from typing import Any

from ..facts import GREETING, NO_TOOL, WHO_I_AM

UNSEEN_REQUESTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("Look up order 48213.", "lookup_order", {"order_id": 48213}),
    ("Look up the order 77 with verbose true.", "lookup_order", {"order_id": 77, "verbose": True}),
    ("Please look up order number 905.", "lookup_order", {"order_id": 905}),
    ("Call lookup_order with order_id 31.", "lookup_order", {"order_id": 31}),
    (
        'Create a ticket with the title "Printer is broken" and high priority.',
        "create_ticket",
        {"title": "Printer is broken", "priority": "high"},
    ),
    (
        'Create a ticket titled "Login fails" with priority low.',
        "create_ticket",
        {"title": "Login fails", "priority": "low"},
    ),
    (
        'Open a ticket called "No coffee" with medium priority.',
        "create_ticket",
        {"title": "No coffee", "priority": "medium"},
    ),
    (
        "Set the thermostat in the bedroom to 21.",
        "set_thermostat",
        {"room": "bedroom", "temperature": 21},
    ),
    (
        "Please set the thermostat in the office to 19.5.",
        "set_thermostat",
        {"room": "office", "temperature": 19.5},
    ),
    (
        "Set the thermostat with room kitchen and temperature 18.",
        "set_thermostat",
        {"room": "kitchen", "temperature": 18},
    ),
    ("Book a table at Luigi for 4 guests.", "book_table", {"restaurant": "Luigi", "guests": 4}),
    (
        "Book a table at Sakura for 2 guests on Friday.",
        "book_table",
        {"restaurant": "Sakura", "guests": 2, "day": "Friday"},
    ),
    (
        "Can you book a table at Bistro for 6 guests on Monday?",
        "book_table",
        {"restaurant": "Bistro", "guests": 6, "day": "Monday"},
    ),
    (
        "Track the parcel with the tracking number AB-4711.",
        "track_parcel",
        {"tracking_number": "AB-4711"},
    ),
    ("Track parcel QX99213.", "track_parcel", {"tracking_number": "QX99213"}),
    ("Can you track the parcel ZZ-17?", "track_parcel", {"tracking_number": "ZZ-17"}),
    ("Pay invoice 2041.", "pay_invoice", {"invoice_id": 2041}),
    (
        "Pay the invoice 88 with an amount of 120.5.",
        "pay_invoice",
        {"invoice_id": 88, "amount": 120.5},
    ),
    ("Pay invoice number 7 with amount 50.", "pay_invoice", {"invoice_id": 7, "amount": 50}),
    ('Create a playlist called "Road trip".', "create_playlist", {"name": "Road trip"}),
    (
        'Create a playlist with the name "Sunday music" and public true.',
        "create_playlist",
        {"name": "Sunday music", "public": True},
    ),
    ("Make a playlist with the name Jazz.", "create_playlist", {"name": "Jazz"}),
    ("Call the elevator to floor 3.", "call_elevator", {"floor": 3}),
    ("Please call the elevator to floor 12.", "call_elevator", {"floor": 12}),
    (
        "Start the sprinkler in zone 2 for 15 minutes.",
        "start_sprinkler",
        {"zone": 2, "minutes": 15},
    ),
    (
        "Start the sprinkler with zone 5 and minutes 30.",
        "start_sprinkler",
        {"zone": 5, "minutes": 30},
    ),
    (
        "Cancel the subscription for anna@example.com.",
        "cancel_subscription",
        {"email": "anna@example.com"},
    ),
    (
        "Please cancel the subscription of bob@mail.org.",
        "cancel_subscription",
        {"email": "bob@mail.org"},
    ),
    ("Print a badge for Maria.", "print_badge", {"name": "Maria"}),
    (
        "Print a badge for Peter with color blue.",
        "print_badge",
        {"name": "Peter", "color": "blue"},
    ),
    (
        "Create a shipment to Hamburg with a weight of 12.5.",
        "create_shipment",
        {"destination": "Hamburg", "weight": 12.5},
    ),
    (
        "Create a shipment to Lyon with weight 3 and express true.",
        "create_shipment",
        {"destination": "Lyon", "weight": 3, "express": True},
    ),
    (
        "Book an appointment with doctor Miller on Tuesday.",
        "book_appointment",
        {"doctor": "Miller", "day": "Tuesday"},
    ),
    (
        "Book an appointment with doctor Chen on Thursday at 14:30.",
        "book_appointment",
        {"doctor": "Chen", "day": "Thursday", "time": "14:30"},
    ),
    ("Restart the printer in the lobby.", "restart_printer", {"location": "lobby"}),
    ("Restart the printer in Boston.", "restart_printer", {"location": "Boston"}),
    ("Fly the drone with height 40.", "fly_drone", {"height": 40}),
    (
        "Fly the drone with a height of 25 and speed slow.",
        "fly_drone",
        {"height": 25, "speed": "slow"},
    ),
    ("Unlock locker 14.", "unlock_locker", {"number": 14}),
    ("Please unlock the locker number 208.", "unlock_locker", {"number": 208}),
    (
        'Schedule a meeting about "Budget" on Wednesday.',
        "schedule_meeting",
        {"topic": "Budget", "day": "Wednesday"},
    ),
    (
        'Schedule a meeting with the topic "New office" on Monday at 09:00.',
        "schedule_meeting",
        {"topic": "New office", "day": "Monday", "time": "09:00"},
    ),
    ("Close the blinds in the kitchen.", "close_blinds", {"room": "kitchen"}),
    ("Can you close the blinds in the bathroom?", "close_blinds", {"room": "bathroom"}),
    ("Start the vacuum in the hall.", "start_vacuum", {"room": "hall"}),
    (
        "Start the vacuum in the study with turbo mode.",
        "start_vacuum",
        {"room": "study", "mode": "turbo"},
    ),
    ("Feed the aquarium.", "feed_aquarium", {}),
    ("Use feed_aquarium.", "feed_aquarium", {}),
)


CITY_PAIRS = (
    ("Paris", "London"), ("Tokyo", "Kyoto"), ("San Francisco", "Boston"), ("Oslo", "Rome"),
    ("Madrid", "Lisbon"), ("Cairo", "Lima"), ("Berlin", "Munich"), ("New York", "Los Angeles"),
    ("Vienna", "Bern"), ("Dublin", "Athens"), ("Sydney", "Melbourne"), ("Delhi", "Mumbai"),
)  # fmt: skip

JOINED_REQUESTS: tuple[tuple[str, str, str, tuple[Any, ...], dict[str, Any]], ...] = (
    ("Look up the orders 12 and 15.", "lookup_order", "order_id", (12, 15), {}),
    ("Look up order 481 and 977.", "lookup_order", "order_id", (481, 977), {}),
    ("Look up the orders 3, 4 and 5.", "lookup_order", "order_id", (3, 4, 5), {}),
    (
        "Track the parcels AB-12 and CD-34.",
        "track_parcel",
        "tracking_number",
        ("AB-12", "CD-34"),
        {},
    ),
    ("Track parcel QX71 and QX72.", "track_parcel", "tracking_number", ("QX71", "QX72"), {}),
    (
        "Close the blinds in the kitchen and bedroom.",
        "close_blinds",
        "room",
        ("kitchen", "bedroom"),
        {},
    ),
    ("Close the blinds in the hall and office.", "close_blinds", "room", ("hall", "office"), {}),
    ("Unlock the lockers 7 and 9.", "unlock_locker", "number", (7, 9), {}),
    ("Unlock locker 21 and 35.", "unlock_locker", "number", (21, 35), {}),
    ("Print a badge for Anna and Tom.", "print_badge", "name", ("Anna", "Tom"), {}),
    ("Print a badge for Olga, Ravi and Kate.", "print_badge", "name", ("Olga", "Ravi", "Kate"), {}),
    (
        "Restart the printer in Boston and Denver.",
        "restart_printer",
        "location",
        ("Boston", "Denver"),
        {},
    ),
    ("Pay the invoices 10 and 11.", "pay_invoice", "invoice_id", (10, 11), {}),
    (
        "Set the thermostat in the kitchen and office to 20.",
        "set_thermostat",
        "room",
        ("kitchen", "office"),
        {"temperature": 20},
    ),
    ("Start the vacuum in the hall and garage.", "start_vacuum", "room", ("hall", "garage"), {}),
    ("Call the elevator to floor 1 and 8.", "call_elevator", "floor", (1, 8), {}),
)
COMBINED = (0, 4, 7, 10, 16, 19, 22, 28, 34, 38, 42, 44)
"""Unseen requests of which neighbours are asked for together in one message."""


NO_CALL: tuple[tuple[str, str], ...] = (
    ("Hello!", GREETING),
    ("hello", GREETING),
    ("Thanks!", "You are welcome!"),
    ("Goodbye!", "Goodbye!"),
    ("How are you?", "I am fine, thank you. How can I help you?"),
    ("Who are you?", WHO_I_AM),
    ("What is the capital of France?", "The capital of France is Paris."),
    ("What is the capital of Japan?", "The capital of Japan is Tokyo."),
    ("What is the capital of Peru?", "The capital of Peru is Lima."),
    ("What is 2 + 2?", "2 + 2 = 4"),
    ("What is 5+3?", "5 + 3 = 8"),
    ("What is 9 - 4?", "9 - 4 = 5"),
    ("Say: good morning", "good morning"),
    ("Say: the tool stays in the box", "the tool stays in the box"),
    ("List 3 fruits.", "1. apple\n2. banana\n3. cherry"),
    ("List 3 animals.", "1. cat\n2. dog\n3. horse"),
    ("What colour is grass?", "Grass is green."),
    ("Which day comes after Monday?", "Tuesday comes after Monday."),
    ("What is the opposite of hot?", "The opposite of hot is cold."),
    ("My name is Laura.", "Nice to meet you, Laura!"),
    ("Turn on the light in the garage.", NO_TOOL),
    ("Send Anna the message see you soon.", NO_TOOL),
)


OBJECT_RESULTS: tuple[tuple[int, Any, str], ...] = (
    (0, {"status": "shipped"}, "The status is shipped."),
    (2, {"status": "open", "total": 42}, "The status is open and the total is 42."),
    (7, {"success": True}, "Done."),
    (13, {"location": "Hamburg"}, "The location is Hamburg."),
    (14, {"status": "lost"}, "The status is lost."),
    (16, {"balance": 310}, "The balance is 310."),
    (22, {"status": "ok"}, "Done."),
    (26, {"error": "unknown address"}, "The tool reports an error: unknown address"),
    (30, {"id": 5512, "price": 18}, "The id is 5512 and the price is 18."),
    (38, {"error": "locker is empty"}, "The tool reports an error: locker is empty"),
    (40, "ok", "Done."),
    (43, "done", "Done."),
)
WEATHER_RESULTS = (
    ("Paris", 18, "sunny"), ("San Francisco", 14, "foggy"), ("Oslo", -3, "snowy"),
    ("Cairo", 35, "clear"), ("London", 9, "rainy"), ("Tokyo", 22, "cloudy"),
    ("Lima", 19, "windy"), ("Boston", 4, "stormy"),
)  # fmt: skip
