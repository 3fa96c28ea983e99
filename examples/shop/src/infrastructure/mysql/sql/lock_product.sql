-- primary key of product
SELECT code, name, price_cents, is_returnable, in_stock FROM shop_product WHERE code = ? FOR UPDATE
