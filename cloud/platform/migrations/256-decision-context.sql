-- Nothing asks for the decisions of a context, and the index costs at every decision.
DROP INDEX decision_of_context;
