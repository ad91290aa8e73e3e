-- Custom objects that are kept without a value. There are hardly any, so the index costs nothing, and it is looked into
-- with every page.

create index custom_object_emptied on custom_object (entity, id) where version < 0;
