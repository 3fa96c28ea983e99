-- One process after the other; whoever is busy in the shop is not waited for, since what is there is left
-- alone. What makes a table commits by itself; so must the last statement.
SELECT GET_LOCK(CONCAT('shop.', MD5(DATABASE())), 60);

CREATE TABLE IF NOT EXISTS shop_order (
    order_no varchar(40) PRIMARY KEY,
    state varchar(20) NOT NULL CHECK (state IN ('placed', 'paid', 'cancelled')),
    street text NOT NULL,
    city text NOT NULL,
    `lines` text NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS shop_order_number (
    number bigint NOT NULL AUTO_INCREMENT PRIMARY KEY
) AUTO_INCREMENT = 1001;

CREATE TABLE IF NOT EXISTS shop_product (
    code varchar(40) PRIMARY KEY,
    name text NOT NULL,
    price_cents bigint NOT NULL,
    is_returnable boolean NOT NULL,
    in_stock bigint NOT NULL CHECK (in_stock BETWEEN 0 AND 4294967295)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS shop_best_seller (
    product varchar(40) PRIMARY KEY,
    sold bigint NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS shop_loyalty_points (
    order_no varchar(40) PRIMARY KEY,
    points bigint NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS shop_redeemed_coupon (
    coupon varchar(40) PRIMARY KEY,
    order_no varchar(40) NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS shop_audit_trail (
    number bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
    event_id varchar(40) NOT NULL UNIQUE,
    event_type varchar(200) NOT NULL,
    `key` varchar(200),
    occurred_at_us bigint NOT NULL,
    UNIQUE audit_trail_of_key (`key`, number)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO shop_product (code, name, price_cents, is_returnable, in_stock)
SELECT code, name, price_cents, is_returnable, in_stock
FROM (
    SELECT 'mug' AS code, 'Mug' AS name, 1290 AS price_cents, true AS is_returnable, 1000 AS in_stock
    UNION ALL SELECT 'tea', 'Tea, 100 g', 890, true, 1000
    UNION ALL SELECT 'gift-card', 'Gift card', 2500, false, 1000
) AS goods
WHERE NOT EXISTS (SELECT 1 FROM shop_product AS filled);
COMMIT;
SELECT RELEASE_LOCK(CONCAT('shop.', MD5(DATABASE())))
