/** What a predicate can be refused for. The detail says where, and what would do. */
export const predicateProblems = {
  predicate_not_valid: {
    status: 422,
    title: "That is no predicate in CEL",
    help: 'Write a condition over the facts, such as model == "oven-x200" && "internal" in tags.',
  },
  predicate_too_large: {
    status: 422,
    title: "The predicate is too long or too deep",
    help: "At most 2,000 characters, 200 parts and 20 levels.",
  },
  predicate_not_supported: {
    status: 422,
    title: "The predicate uses something that is not supported here",
    help: "&&, ||, !, ==, !=, <, <=, >, >=, in, startsWith, older and newer, over the facts that are listed.",
  },
} as const;
