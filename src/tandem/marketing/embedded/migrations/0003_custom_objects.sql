-- Records of custom entities. What one belongs to is not written here: `reference` is the record that its row names, and
-- who that is, the sync's memory says (see the view `custom_object_place`).

create table custom_object (
    entity text not null,
    id text not null,
    version integer not null,
    reference text,                                       -- what its row names, by the path chosen; null: nothing
    is_excluded integer not null default 0,               -- the sync filter says No; the values are stale
    updated_at text not null,
    fields json not null,
    primary key (entity, id)
) strict;
