#pragma once

#include <map>
#include <optional>
#include <string>

#include "reconciler/world.h"

// A registry at wire level, as far as updates ask it: lists of tags and the digests that tags name,
// with or without a login. What is pulled from it is the engine's affair (SimEngine). Owned by
// SimWorld; one thread.
namespace fairlead::sim {

class SimRegistry {
 public:
  // Where it listens: what images of it begin with.
  static constexpr char place[] = "registry.test:5000";

  // The digest that any test takes for a content: "sha256:" and 64 times the digit.
  static std::string digest(char digit);

  void push(const std::string& repository, const std::string& tag, const std::string& digest) {
    repositories_[repository][tag] = digest;
  }
  void set_up(bool up) { up_ = up; }
  void set_silent(bool silent) { silent_ = silent; }  // takes calls and never answers
  // Nobody else is let in. Empty: everybody is.
  void set_user(const std::string& user) { user_ = user; }

  std::optional<Answer> ask(const HttpCall& call);  // nothing: none comes
  int asked() const { return asked_; }

 private:
  Answer tags(const std::string& repository) const;
  Answer manifest(const std::string& repository, const std::string& tag) const;

  std::map<std::string, std::map<std::string, std::string>> repositories_;  // → tag → digest
  std::string user_;
  bool up_ = true;
  bool silent_ = false;
  int asked_ = 0;
};

}  // namespace fairlead::sim
