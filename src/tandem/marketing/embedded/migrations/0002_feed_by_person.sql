-- Whose edits are not taken up yet, and forgetting those of a person that is deleted: by the person.

create index change_feed_person on change_feed (person_id);
