# judge.jq: is what was found in a case's runs exactly what is right?
#
#   reqscope report --json ROW/run-*/trace | jq -r --argjson expected EXPECTED --argjson runs RUNS -f judge.jq
#
# EXPECTED: [{kind, owners, user, opened, used}], the labels with "-" for no context, and places as cases.sh makes them: a line
# of source {file, line}, a part of a function's or a module's name {name}, or null. Each must be found in every run, and
# everything that is found must be one of them. What several runs have found is one finding there: it is taken apart, each run with
# its own owner and user. Prints "RUNS<tab>what differs" for each different outcome; nothing differs: "".

def who: if .id == 0 then "-" else .label end;

def stands_in($frames):
    . as $place
    | $place == null
        or any($frames[]; if $place.line then .line == $place.line and .file == $place.file
            else ([.function, .module] | map(. // "") | any(.[]; contains($place.name))) end);

def is_expected($finding):
    .kind == $finding.kind
        and (($finding.owner | who) as $owner | any(.owners[]; . == $owner))
        and .user == ($finding.user | who)
        and (.opened | stands_in($finding.opened_at // []))
        and (.used | stands_in($finding.used_at // []));

def lines($frames): [$frames // [] | .[] | select(.line and (.path // "" | contains("tests/cases"))) | "\(.file):\(.line)"]
    | join(" < ");

def shown: "\(.kind) of \(.owner | who) by \(.user | who) (opened \(lines(.opened_at)), used \(lines(.used_at)))";

(.processes | map({key: (.pid | tostring), value: (.folder | split("/")[-3])}) | from_entries) as $run_of
| ([.findings[] | . as $group | .findings[] | $group + .] | group_by($run_of[.pid | tostring]) | map({key: $run_of[.[0].pid | tostring], value: .}) | from_entries)
    as $found
| ([$run_of[]] | unique) as $recorded
| [range(1; $runs + 1) | "run-\(.)" as $run
    | ($found[$run] // []) as $findings
    | if any($recorded[]; . == $run) | not then "no trace"
      else
        [($expected[] | select(. as $one | any($findings[]; . as $finding | $one | is_expected($finding)) | not)
            | "missing \(.kind) of \(.owners | join(" or ")) by \(.user)"),
         ($findings[] | select(. as $finding | any($expected[]; is_expected($finding)) | not) | "unexpected \(shown)")]
        | unique | join("; ")
      end]
| group_by(.)[] | "\(length)\t\(.[0])"
