#include <doctest/doctest.h>

#include "providers/mariadb/judge.h"

using namespace fairlead;
using namespace fairlead::mariadb;

namespace {

Outcome judge(const std::string& verb, int status, const std::string& message = "words") {
  Step step;
  step.verb = verb;
  step.resource = "user blog";
  step.request = SqlCall();
  return judge_step(step, {status, message, message});
}

bool says(const Outcome& outcome, const std::string& part) {
  return outcome.error.message.find(part) != std::string::npos;
}

using Next = Outcome::Next;

}  // namespace

TEST_CASE("what was done is done, and so is what somebody else has done already") {
  CHECK(judge("create", 200, "").next == Next::done);
  CHECK(judge("kill", 1094).next == Next::done);
  CHECK(judge("remove", 1008).next == Next::done);
}

TEST_CASE("a world that has moved under a statement is looked at again") {
  CHECK(judge("create", 1007).next == Next::look_again);
  CHECK(judge("create", 1396).next == Next::look_again);
  CHECK(judge("update", 1396).next == Next::look_again);
  CHECK(judge("lock", 1396).next == Next::look_again);
  CHECK(judge("remove", 1396).next == Next::look_again);
  CHECK(judge("grant", 1133).next == Next::look_again);
  CHECK(judge("revoke", 1141).next == Next::look_again);
  CHECK(judge("revoke", 1962).next == Next::look_again);
}

TEST_CASE("a server that is full, slow, read-only or out of disk fails with what to do") {
  const Outcome full = judge("create", 1040, "Too many connections");
  CHECK(full.next == Next::failed);
  CHECK(full.error.code == Code::unavailable);
  CHECK(says(full, "create user blog: 1040 Too many connections; the server is full; raise"));
  const Outcome disk =
      judge("create", 1006, "Can't create database 'blog' (errno: 28 \"No space\")");
  CHECK(disk.next == Next::failed);
  CHECK(says(disk, "disk of the database server is full"));
  CHECK(says(judge("grant", 1114), "disk of the database server is full"));
  CHECK(says(judge("update", 1290, "running with the --read-only option"), "is read-only"));
  CHECK(says(judge("update", 1205), "holds a lock"));
  CHECK(judge("update", 1205).next == Next::failed);
}

TEST_CASE("what fairlead may not do is denied, with what the administrator must do") {
  const Outcome outcome = judge("create", 1227, "Access denied");
  CHECK(outcome.next == Next::failed);
  CHECK(outcome.error.code == Code::denied);
  CHECK(says(outcome, "WITH GRANT OPTION"));
  CHECK(judge("update", 1045).error.code == Code::denied);
  CHECK(says(judge("revoke", 1698), "administrator of the role"));
}

TEST_CASE("no answer is no success, and an unknown error waits") {
  const Outcome silent = judge("remove", 0, "connection lost");
  CHECK(silent.next == Next::failed);
  CHECK(silent.error.code == Code::unavailable);
  CHECK(says(silent, "no answer: connection lost"));
  CHECK(judge("create", 9999).next == Next::failed);
  CHECK(says(judge("create", 0, "TLS/SSL error: certificate"), "database.ca_file"));
}
