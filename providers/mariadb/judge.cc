#include "providers/mariadb/judge.h"

#include <string_view>
#include <utility>

namespace fairlead::mariadb {
namespace {

using Next = Outcome::Next;

struct Row {
  std::string_view verb;  // of the step; empty: any
  int status;             // the error number; 0: any, also no answer
  std::string_view text;  // part of the message; empty: any
  Next next;
  Code code;
  std::string_view advice;
};

constexpr std::string_view disk_full = "the disk of the database server is full; free some space";
constexpr std::string_view read_only =
    "the server is read-only: a replica, or set so by hand; `SET GLOBAL read_only = 0` where it "
    "must take writes";
constexpr std::string_view full =
    "the server is full; raise max_connections, or lower connections_max of the apps";
constexpr std::string_view no_privilege =
    "the user of the platform file needs ALL PRIVILEGES ON *.* WITH GRANT OPTION";
constexpr std::string_view check_tls =
    "check database.tls and database.ca_file in the platform file";

// The first row that fits decides. Numbers of the server's documentation; those of names, accounts,
// privileges and connections were seen on 10.11.
constexpr Row rows[] = {
    // Somebody was faster, or an answer was lost.
    {"create", 1007, "", Next::look_again, Code::conflict, ""},
    {"create", 1396, "", Next::look_again, Code::conflict, ""},
    {"update", 1396, "", Next::look_again, Code::not_found, ""},
    {"lock", 1396, "", Next::look_again, Code::not_found, ""},
    {"grant", 1133, "", Next::look_again, Code::not_found, ""},
    {"grant", 1410, "", Next::look_again, Code::not_found, ""},
    {"revoke", 1133, "", Next::look_again, Code::not_found, ""},
    {"revoke", 1141, "", Next::look_again, Code::not_found, ""},
    {"revoke", 1147, "", Next::look_again, Code::not_found, ""},
    {"revoke", 1403, "", Next::look_again, Code::not_found, ""},
    {"revoke", 1959, "", Next::look_again, Code::not_found, ""},
    {"revoke", 1962, "", Next::look_again, Code::not_found, ""},
    {"revoke", 1698, "", Next::failed, Code::denied,
     "only an administrator of the role may: revoke it as the user who made it"},
    {"kill", 1094, "", Next::done, Code::internal, ""},
    {"remove", 1008, "", Next::done, Code::internal, ""},
    {"remove", 1396, "", Next::look_again, Code::not_found, ""},
    {"remove", 1010, "", Next::failed, Code::conflict,
     "foreign files are in the database's folder; remove them"},

    {"", 1006, "errno: 28", Next::failed, Code::unavailable, disk_full},
    {"", 1021, "", Next::failed, Code::unavailable, disk_full},
    {"", 1030, "error 28", Next::failed, Code::unavailable, disk_full},
    {"", 1114, "", Next::failed, Code::unavailable, disk_full},
    {"", 0, "No space left on device", Next::failed, Code::unavailable, disk_full},
    {"", 1040, "", Next::failed, Code::unavailable, full},
    {"", 1203, "", Next::failed, Code::unavailable, full},
    {"", 1226, "", Next::failed, Code::unavailable,
     "fairlead's own user has a limit; take it away"},
    {"", 1041, "", Next::failed, Code::unavailable, "the server is short of memory"},
    {"", 1290, "read-only", Next::failed, Code::unavailable, read_only},
    {"", 1290, "skip-grant-tables", Next::failed, Code::unavailable,
     "the server runs with --skip-grant-tables; start it without"},
    {"", 1036, "", Next::failed, Code::unavailable, read_only},
    {"", 1792, "", Next::failed, Code::unavailable, read_only},
    {"", 1836, "", Next::failed, Code::unavailable, read_only},
    {"", 1205, "", Next::failed, Code::unavailable,
     "something holds a lock, a backup perhaps; it is tried again"},
    {"", 1213, "", Next::look_again, Code::unavailable, ""},
    {"", 1053, "", Next::failed, Code::unavailable, "the server is stopping"},
    {"", 1969, "", Next::failed, Code::unavailable, "the server is slow, or limits statements"},
    {"", 1044, "", Next::failed, Code::denied, no_privilege},
    {"", 1142, "", Next::failed, Code::denied, no_privilege},
    {"", 1143, "", Next::failed, Code::denied, no_privilege},
    {"", 1227, "", Next::failed, Code::denied, no_privilege},
    {"", error_wrong_password, "", Next::failed, Code::denied,
     "the password was changed; set it back, or correct the password file"},
    {"", 1129, "", Next::failed, Code::denied,
     "the server blocks this host after many errors; `FLUSH HOSTS` there"},
    {"", 1130, "", Next::failed, Code::denied,
     "the server lets nobody in from this host; make the user with the host %"},
    {"", 1146, "", Next::failed, Code::unavailable,
     "the server lacks a table of its own; run mariadb-upgrade there"},
    {"", 1820, "", Next::failed, Code::denied, "the password has expired; set a new one"},
    {"", 1862, "", Next::failed, Code::denied, "the password has expired; set a new one"},
    {"", 4151, "", Next::failed, Code::denied, "the user of the platform file is locked"},
    {"", 0, "TLS/SSL error", Next::failed, Code::unavailable, check_tls},
    {"", 0, "Authentication plugin", Next::failed, Code::unavailable,
     "make the user with a password of mysql_native_password"},
    {"", 1064, "", Next::failed, Code::internal, "this is a defect of fairlead; please report it"},
};

const Row* find_row(std::string_view verb, int status, std::string_view message) {
  for (const Row& row : rows) {
    if (!row.verb.empty() && row.verb != verb) continue;
    if (row.status != 0 && row.status != status) continue;
    if (!row.text.empty() && message.find(row.text) == message.npos) continue;
    return &row;
  }
  return nullptr;
}

// The message stands in both; of a lost connection in the error alone.
const std::string& words(const Answer& answer) {
  return answer.error.empty() ? answer.body : answer.error;
}

std::string explain(std::string_view verb, const Answer& answer) {
  const std::string& message = words(answer);
  std::string text = answer.answered() ? std::to_string(answer.status) + " " : "no answer: ";
  text += message;
  const Row* row = find_row(verb, answer.status, message);
  if (row && !row->advice.empty()) {
    text += "; ";
    text += row->advice;
  }
  return text;
}

}  // namespace

std::string explain(const Answer& answer) { return explain("", answer); }

Code code_of(const Answer& answer) {
  if (!answer.answered()) return Code::unavailable;
  const Row* row = find_row("", answer.status, words(answer));
  return row ? row->code : Code::unavailable;
}

Outcome judge_step(const Step& step, const Answer& answer) {
  if (answer.ok()) return {};
  const Row* row = find_row(step.verb, answer.status, words(answer));
  Outcome outcome;
  // Without an answer the server may have done it, or may still do it.
  outcome.next = row ? row->next : Next::failed;
  if (outcome.next == Next::done) return outcome;
  outcome.error = {row ? row->code : Code::unavailable,
                   step.verb + " " + step.resource + ": " + explain(step.verb, answer), ""};
  return outcome;
}

}  // namespace fairlead::mariadb
