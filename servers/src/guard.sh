# Holds one server for a process that may end at any moment and in any way, kill -9 included: then
# the system closes the pipe that is our standard input.
#
# Arguments: where to make the directory in which the server lives, the beginning of the directory's
# name, the signal that stops the server. The server is what the script `run` in the directory
# becomes. The directory is our first line; then orders come line by line on standard input and are
# answered by a line each.
signal=$3
server=

start() {
    sh ./run </dev/null >>log 2>&1 &
    server=$!
}

is_running() {
    jobs >/dev/null # has the shell notice who has ended
    [ -n "$server" ] && kill -0 "$server" 2>/dev/null
}

# As if the power had gone: all its processes at once. Once the server has stopped it starts no more
# of them and forgets none that ended. The last one to go gives the shared memory back, without which
# the server would not start again.
crash() {
    is_running || return
    kill -STOP "$server"
    wait_until_still "$server"
    children=$(cat "/proc/$server/task/$server/children" 2>/dev/null)
    kill -KILL $children "$server" 2>/dev/null
    wait "$server"
    for child in $children; do wait_until_still "$child"; done
    server=
}

# Until a process is stopped or has ended. Where the system does not tell, nobody waits.
wait_until_still() {
    while read -r _ _ state _ <"/proc/$1/stat"; do
        case $state in T | Z | X) return ;; esac
        sleep 0.01
    done
}

# A server that has just begun may not have heard the signal yet, so it is repeated. Who does not
# stop within 20 seconds is killed.
stop() {
    tenths=0
    while is_running && [ "$tenths" -lt 200 ]; do
        kill -s "$signal" "$server"
        sleep 0.1
        tenths=$((tenths + 1))
    done
    crash
    server=
}

leave() {
    trap '' HUP INT TERM
    stop
    cd /
    rm -rf "$directory"
}

directory=
trap leave EXIT
trap exit HUP INT TERM
trap : PIPE # an answer that nobody waits for any more must not be the end of us

directory=$(mktemp -d "$1/$2-XXXXXX") && cd "$directory" && echo "$directory" || exit

while read -r order; do
    case $order in
        start) start; echo started ;;
        running) if is_running; then echo yes; else echo no; fi ;;
        crash) crash; echo crashed ;;
        stop) stop; echo stopped ;;
    esac
done
