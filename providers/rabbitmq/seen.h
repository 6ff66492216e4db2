#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "providers/provider.h"
#include "providers/rabbitmq/accounts.h"

// What was seen of one app on the RabbitMQ server. Values, immutable once handed out.
namespace fairlead::rabbitmq {

// Regular expressions over the names of queues and exchanges.
struct Permission {
  std::string configure;
  std::string write;
  std::string read;
  bool operator==(const Permission&) const = default;
};

// Of a vhost; absent: none.
struct Limits {
  std::optional<std::int64_t> connections_max;
  std::optional<std::int64_t> queues_max;
  bool operator==(const Limits&) const = default;
};

struct SeenUser {
  Account account;
  bool marked = false;         // carries our owner tag
  bool password_ours = false;  // its hash is the one that we set
  std::vector<std::string> tags;
  std::map<std::string, Permission> permissions;  // vhost → what it may do there
  std::optional<std::int64_t> connections_max;    // a limit of the user, which nothing of ours sets

  // Who sets tags by hand replaces them all, so a password that only we can make is proof enough.
  bool ours() const { return marked || password_ours; }
  bool operator==(const SeenUser&) const = default;
};

struct SeenVhost {
  bool marked = false;  // carries our owner tag
  std::string owner;    // owner_mark(); empty: made before there were any
  std::string description;
  std::vector<std::string> tags;
  Limits limits;
  // Policies of our name, as their texts (requests.h): what a queue does that is full, and how much
  // it holds; empty: there is none.
  std::string overflow_policy;
  std::string size_policy;
  bool operator==(const SeenVhost&) const = default;
};

struct SeenApp : Section {
  std::string app;
  std::optional<SeenVhost> vhost;  // of the app's name; absent: there is none
  std::map<std::string, SeenUser>
      users;  // by name; those that could be the app's, foreign ones too

  // Marked, or a user of ours may enter: then the mark was lost by hand.
  bool vhost_ours() const;
  bool user_of_ours() const;  // at least one
  // Ours, or let into our own vhost by hand: the server's own forms set password and tags in one,
  // so that both proofs are lost together.
  bool user_is_the_apps(const SeenUser& user) const;
};

}  // namespace fairlead::rabbitmq
