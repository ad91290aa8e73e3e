-- create_record
create table if not exists migration (
    room text not null, number bigint not null, name text not null, applied_at text not null,
    primary key (room, number)
);

-- applied
select room, number from migration;

-- record
insert into migration (room, number, name, applied_at) values (:room, :number, :name, :at);
