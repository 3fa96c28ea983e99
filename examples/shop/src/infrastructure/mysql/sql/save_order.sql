-- primary key of shop_order
INSERT INTO shop_order (order_no, state, street, city, `lines`)
VALUES (?, ?, ?, ?, ?)
ON DUPLICATE KEY UPDATE
    state = VALUES(state), street = VALUES(street), city = VALUES(city), `lines` = VALUES(`lines`)
