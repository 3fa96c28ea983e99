CREATE TABLE IF NOT EXISTS shop_order (
    order_no TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('placed', 'paid', 'cancelled')),
    street TEXT NOT NULL,
    city TEXT NOT NULL,
    lines TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS order_number (
    singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
    last INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS product (
    code TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    price_cents INTEGER NOT NULL,
    is_returnable INTEGER NOT NULL,
    in_stock INTEGER NOT NULL CHECK (in_stock >= 0)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS best_seller (
    product TEXT NOT NULL PRIMARY KEY,
    sold INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS loyalty_points (
    order_no TEXT NOT NULL PRIMARY KEY,
    points INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS redeemed_coupon (
    coupon TEXT NOT NULL PRIMARY KEY,
    order_no TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS audit_trail (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    event_type TEXT NOT NULL,
    key TEXT,
    occurred_at_us INTEGER NOT NULL
);

CREATE INDEX IF NOT EXISTS audit_trail_of_key ON audit_trail (key, number);

INSERT OR IGNORE INTO order_number VALUES (1, 1000);

INSERT OR IGNORE INTO product VALUES
    ('mug', 'Mug', 1290, 1, 1000),
    ('tea', 'Tea, 100 g', 890, 1, 1000),
    ('gift-card', 'Gift card', 2500, 0, 1000);
