"""Tools of the gate: OpenAI's samples, and tools that the training data do not have."""

from __future__ import annotations

from .items import Item, decimal, integer, text, tool, truth

GET_WEATHER = tool(
    "get_weather",
    "Get current temperature for a given location.",
    {"location": text("City and country e.g. Bogotá, Colombia")},
    "location",
)
GET_CURRENT_WEATHER = tool(
    "get_current_weather",
    "Get the current weather in a given location",
    {
        "location": text("The city and state, e.g. San Francisco, CA"),
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
    },
    "location",
)

UNSEEN: dict[str, Item] = {
    each["function"]["name"]: each
    for each in (
        tool(
            "lookup_order",
            "Look up an order in the shop",
            {"order_id": integer("The number of the order"), "verbose": truth("Show details")},
            "order_id",
        ),
        tool(
            "create_ticket",
            "Create a support ticket",
            {
                "title": text("The title of the ticket"),
                "priority": text("How urgent it is", "low", "medium", "high"),
            },
            "title",
            "priority",
        ),
        tool(
            "set_thermostat",
            "Set the temperature of a room",
            {"room": text("The room"), "temperature": decimal("Degrees Celsius")},
            "room",
            "temperature",
        ),
        tool(
            "book_table",
            "Book a table in a restaurant",
            {
                "restaurant": text("The restaurant"),
                "guests": integer("How many guests"),
                "day": text("The day"),
            },
            "restaurant",
            "guests",
        ),
        tool(
            "track_parcel",
            "Find out where a parcel is",
            {"tracking_number": text("The tracking number, e.g. ZX-1234")},
            "tracking_number",
        ),
        tool(
            "pay_invoice",
            "Pay an invoice",
            {"invoice_id": integer("The invoice"), "amount": decimal("The amount to pay")},
            "invoice_id",
        ),
        tool(
            "create_playlist",
            "Create a playlist",
            {"name": text("The name of the playlist"), "public": truth("Visible to everyone")},
            "name",
        ),
        tool("call_elevator", "Call the elevator", {"floor": integer("The floor")}, "floor"),
        tool(
            "start_sprinkler",
            "Start a sprinkler in the garden",
            {"zone": integer("The zone"), "minutes": integer("For how long")},
            "zone",
            "minutes",
        ),
        tool(
            "cancel_subscription",
            "Cancel the subscription of a customer",
            {"email": text("The email address")},
            "email",
        ),
        tool(
            "print_badge",
            "Print a badge for a visitor",
            {
                "name": text("The name on the badge"),
                "color": text("The color", "red", "green", "blue"),
            },
            "name",
        ),
        tool(
            "create_shipment",
            "Create a shipment",
            {
                "destination": text("The city"),
                "weight": decimal("The weight in kg"),
                "express": truth("Express delivery"),
            },
            "destination",
            "weight",
        ),
        tool(
            "book_appointment",
            "Book an appointment",
            {"doctor": text("The doctor"), "day": text("The day"), "time": text("The time")},
            "doctor",
            "day",
        ),
        tool("restart_printer", "Restart a printer", {"location": text("Where it is")}, "location"),
        tool(
            "fly_drone",
            "Let the drone fly",
            {"height": integer("Meters"), "speed": text("The speed", "slow", "fast")},
            "height",
        ),
        tool("unlock_locker", "Unlock a locker", {"number": integer("The locker")}, "number"),
        tool(
            "schedule_meeting",
            "Schedule a meeting",
            {"topic": text("The topic"), "day": text("The day"), "time": text("The time")},
            "topic",
            "day",
        ),
        tool("close_blinds", "Close the blinds", {"room": text("The room")}, "room"),
        tool(
            "start_vacuum",
            "Start the vacuum robot",
            {"room": text("The room"), "mode": text("The mode", "quiet", "turbo")},
            "room",
        ),
        tool("feed_aquarium", "Feed the fish in the aquarium", {}),
    )
}


def offered(*names: str) -> list[Item]:
    """Return unseen tools by their names."""
    return [UNSEEN[name] for name in names]
