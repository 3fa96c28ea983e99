-- primary key of product
SELECT code, name, price_cents, is_returnable, in_stock FROM shop.product WHERE code = $1 FOR UPDATE
