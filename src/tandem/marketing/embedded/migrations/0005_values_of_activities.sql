-- What is logged holds values, which are kept for as long as the settings say. New people have none, so these cost a
-- first copy nothing.

create index activity_values on activity (at) where coalesce(old, new, detail) is not null;
create index company_activity_values on company_activity (at) where coalesce(old, new) is not null;
