-- How the weights of a meeting's chunks were made: 1 of their texts alone, 2 with the meeting's title. A meeting of an older
-- version is found as before; sending it again weighs its chunks anew without computing a vector.
ALTER TABLE meetings ADD COLUMN weights_version integer NOT NULL DEFAULT 1;
