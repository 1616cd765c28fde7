select store::text as store, count(*) as items
from {{ source('wishlist', 'wishlist_items') }}
group by store
