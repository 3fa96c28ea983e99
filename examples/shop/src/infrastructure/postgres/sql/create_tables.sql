-- One process after the other, since the second of two that make the same at the same time fails.
-- Nobody else is waited for, however busy the shop is: no CREATE INDEX, which locks the table even if
-- the index is there, and no ON CONFLICT, which waits for whoever is changing the row.
SELECT pg_advisory_xact_lock(hashtextextended('shop.create_tables', 0));

CREATE SCHEMA IF NOT EXISTS shop;

CREATE TABLE IF NOT EXISTS shop.shop_order (
    order_no text PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('placed', 'paid', 'cancelled')),
    street text NOT NULL,
    city text NOT NULL,
    lines text NOT NULL
);

-- A sequence, for which nobody waits: the number of an order that comes to nothing is left out.
CREATE SEQUENCE IF NOT EXISTS shop.order_number START 1001;

CREATE TABLE IF NOT EXISTS shop.product (
    code text PRIMARY KEY,
    name text NOT NULL,
    price_cents bigint NOT NULL,
    is_returnable boolean NOT NULL,
    in_stock bigint NOT NULL CHECK (in_stock BETWEEN 0 AND 4294967295)
);

CREATE TABLE IF NOT EXISTS shop.best_seller (
    product text PRIMARY KEY,
    sold bigint NOT NULL
);

CREATE TABLE IF NOT EXISTS shop.loyalty_points (
    order_no text PRIMARY KEY,
    points bigint NOT NULL
);

CREATE TABLE IF NOT EXISTS shop.redeemed_coupon (
    coupon text PRIMARY KEY,
    order_no text NOT NULL
);

CREATE TABLE IF NOT EXISTS shop.audit_trail (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id text NOT NULL UNIQUE,
    event_type text NOT NULL,
    key text,
    occurred_at_us bigint NOT NULL,
    CONSTRAINT audit_trail_of_key UNIQUE (key, number)
);

INSERT INTO shop.product (code, name, price_cents, is_returnable, in_stock)
SELECT code, name, price_cents, is_returnable, in_stock
FROM (VALUES
    ('mug', 'Mug', 1290, true, 1000),
    ('tea', 'Tea, 100 g', 890, true, 1000),
    ('gift-card', 'Gift card', 2500, false, 1000)
) AS goods (code, name, price_cents, is_returnable, in_stock)
WHERE NOT EXISTS (SELECT FROM shop.product);
