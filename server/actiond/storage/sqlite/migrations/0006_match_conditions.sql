-- An execution may be for those calls alone that meet an expression in CEL.

ALTER TABLE executions ADD COLUMN match_condition TEXT NOT NULL DEFAULT ''; -- '' for all calls
