#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "reconciler/ranges.h"
#include "reconciler/world.h"

// What is to be done for one app: a DAG of steps that prints as text. Made by the providers' diff,
// carried out by the Reconciler, which decides nothing. Immutable once made. Invariant: a step
// comes after all that it needs (indices only point back).
namespace fairlead {

// Exactly one wire request; or a wait for something that must be *seen* first. A wait is never done
// within a pass: the steps behind it show what will follow, and the next pass plans them anew from
// what is seen then.
struct Step {
  struct Wait {};
  // That a fingerprint has failed its health gate.
  struct GateFailure {
    std::string process, fingerprint, why;
  };

  std::string verb;  // "create", "start", "stop", "remove", "update", "rename", "connect", "pull",
                     // "wait", …
  std::string resource;  // "container blog.web.3f9c2a1b"
  std::string cause;     // why, at field level: "image acme/blog:0041 → 0042 (blog.yml:2)"
  std::vector<std::size_t> needs;  // indices of steps that must have succeeded
  std::variant<Wait, HttpCall, FileCall, SqlCall, ProcessCall> request;

  bool patient =
      false;  // may take long by its nature (stop with grace, pull): takes none of the few slots
  std::string count_as;  // a counter of the app's memory that its success raises; empty: none
  std::optional<GateFailure> fails;  // remembered once it is done (Trials)
  Range claim;         // addresses that it takes, so that no other app plans with them; empty: none
  std::string object;  // id of the existing object that it changes; empty: a new one
  std::string provider;  // who judges the answer; set by the Reconciler

  bool waits() const { return std::holds_alternative<Wait>(request); }
  Call call() const;  // not of a wait
};

class Plan {
 public:
  // Appends and returns the index, for the `needs` of later steps.
  std::size_t add(Step step);

  const std::vector<Step>& steps() const { return steps_; }
  std::vector<Step>& steps() { return steps_; }
  bool empty() const { return steps_.empty(); }
  bool has_requests() const;  // anything to send

  // One line a step: "2. create container blog.web.3f9c2a1b after 1: image missing". For golden
  // tests and people.
  std::string text() const;

 private:
  std::vector<Step> steps_;
};

}  // namespace fairlead
