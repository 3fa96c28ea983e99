-- all of product, which fits into a page
SELECT code, name, price_cents, is_returnable, in_stock FROM shop_product ORDER BY code
