"""The command line."""

import argparse
import sys

from .report import format_report, order_list, report
from .stock import NotEnough, Stock, UnknownItem
from .store import Store


def parser():
    """The arguments."""
    top = argparse.ArgumentParser(prog="inventory", description="Stock of a small shop.")
    top.add_argument("file", help="the SQLite file; made if it is not there")
    commands = top.add_subparsers(dest="command", required=True)

    add = commands.add_parser("add", help="put pieces on the shelf")
    add.add_argument("item")
    add.add_argument("quantity", type=int)
    add.add_argument("--reorder-level", type=int)

    reserve = commands.add_parser("reserve", help="promise pieces to a customer")
    reserve.add_argument("item")
    reserve.add_argument("quantity", type=int)
    reserve.add_argument("--for", dest="customer", required=True)

    sell = commands.add_parser("sell", help="hand over what was reserved")
    sell.add_argument("number", type=int)

    commands.add_parser("report", help="what is there")
    commands.add_parser("order", help="what to order")
    return top


def main(argv=None):
    """Runs one command; gives the exit code."""
    args = parser().parse_args(argv)
    store = Store(args.file)
    stock = Stock(store)
    try:
        if args.command == "add":
            stock.add(args.item, args.quantity, args.reorder_level)
        elif args.command == "reserve":
            print(stock.reserve(args.item, args.quantity, args.customer))
        elif args.command == "sell":
            item, quantity = stock.sell(args.number)
            print("{} {}".format(quantity, item))
        elif args.command == "report":
            print(format_report(report(store)))
        else:
            print("\n".join(order_list(store)))
    except (NotEnough, UnknownItem, KeyError, ValueError) as error:
        print("inventory: {}".format(error), file=sys.stderr)
        return 1
    finally:
        store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
