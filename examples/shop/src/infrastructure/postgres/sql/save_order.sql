-- primary key of shop_order
INSERT INTO shop.shop_order (order_no, state, street, city, lines)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (order_no) DO UPDATE SET
    state = excluded.state, street = excluded.street, city = excluded.city, lines = excluded.lines
