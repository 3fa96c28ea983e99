-- primary key of shop_order
INSERT INTO shop_order (order_no, state, street, city, lines)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (order_no) DO UPDATE SET
    state = excluded.state, street = excluded.street, city = excluded.city, lines = excluded.lines
