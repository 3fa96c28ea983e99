-- all of product, in the order of its primary key
SELECT code, name, price_cents, is_returnable, in_stock FROM product ORDER BY code
